//! The tests of the crate as one program, which is linked once and shares the cores evenly.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod derivatives;
mod flow_map;
mod network;
mod perceptrons;
mod schedule;
mod u_net;
mod u_net_flow_map;
mod u_net_form;
mod u_nets;
mod velocity_and_denoiser;
