//! Which threads are chosen, on machines whose clocks are simulated.

use std::time::Duration;

use interflow_libtorch::ThreadChoice;

/// A machine with a clock of its own: what a step takes is a function of time, threads and the step's number.
struct Simulation<F> {
    choice: ThreadChoice,
    clock: f64,
    steps: u32,
    secs: F,
}

impl<F: Fn(f64, u32, u32) -> f64> Simulation<F> {
    fn new(most: u32, secs: F) -> Self {
        Self { choice: ThreadChoice::up_to(most), clock: 0.0, steps: 0, secs }
    }

    /// Takes steps up to a time, and says how many.
    fn until(&mut self, time: f64) -> u32 {
        let before = self.steps;
        while self.clock < time {
            let secs = (self.secs)(self.clock, self.choice.threads(), self.steps);
            self.choice.learn(1.0, Duration::from_secs_f64(secs));
            self.clock += secs;
            self.steps += 1;
        }
        self.steps - before
    }

    /// The threads of settled work.
    fn settled(&mut self) -> u32 {
        while self.choice.is_trying() {
            self.until(self.clock + 1e-9);
        }
        self.choice.threads()
    }
}

#[test]
fn an_idle_machine_loses_little_to_trials() {
    // Small steps, and large ones.
    for (one, two) in [(0.041, 0.032), (1.6, 0.87)] {
        let mut machine = Simulation::new(2, |_, threads, _| if threads == 1 { one } else { two });
        let steps = machine.until(1000.0);
        assert_eq!(machine.settled(), 2);
        assert!(f64::from(steps) > 0.975 * 1000.0 / two, "{steps} steps of {two} s");
    }
}

#[test]
fn threads_that_wait_for_a_core_are_given_up() {
    for (one, two) in [(0.041, 1.1), (1.6, 8.0)] {
        let mut machine = Simulation::new(2, |_, threads, _| if threads == 1 { one } else { two });
        let steps = machine.until(1000.0);
        assert_eq!(machine.settled(), 1);
        assert!(f64::from(steps) > 0.96 * 1000.0 / one, "{steps} steps of {one} s");
    }
}

#[test]
fn a_process_that_comes_is_noticed_at_once_and_one_that_goes_within_a_minute() {
    let secs = |clock: f64, threads, _| match (threads, (300.0..600.0).contains(&clock)) {
        (1, _) => 0.041,
        (_, true) => 1.1,
        (_, false) => 0.032,
    };
    let mut machine = Simulation::new(2, secs);
    machine.until(305.0);
    assert_eq!(machine.settled(), 1);
    machine.until(599.0);
    assert_eq!(machine.settled(), 1);
    machine.until(662.0);
    assert_eq!(machine.settled(), 2);
}

#[test]
fn hiccups_change_nothing() {
    let secs = |_, threads, step: u32| {
        let hiccup = if step.is_multiple_of(97) { 0.5 } else { 0.0 };
        hiccup + if threads == 1 { 0.041 } else { 0.032 }
    };
    let mut machine = Simulation::new(2, secs);
    let steps = machine.until(1000.0);
    let ideal = 1000.0 / (0.032 + 0.5 / 97.0);
    assert!(f64::from(steps) > 0.93 * ideal, "{steps} of {ideal}");
}

#[test]
fn many_cores_leave_one_to_another_process_or_use_few() {
    // Another process holds a core: with all threads each operation waits for the slowest.
    let beside = |_, threads: u32, _| if threads == 16 { 1.0 } else { 0.002 + 0.3 / f64::from(threads) };
    let mut machine = Simulation::new(16, beside);
    machine.until(30.0);
    assert_eq!(machine.settled(), 15);
    // A small network, for which each further thread is a cost.
    let small = |_, threads: u32, _| 0.0003 * (1.0 + 0.1 * f64::from(threads));
    let mut machine = Simulation::new(16, small);
    machine.until(30.0);
    assert_eq!(machine.settled(), 1);
}

#[test]
fn work_that_costs_more_from_some_step_on_keeps_its_threads() {
    let secs = |clock: f64, threads, _| {
        let factor = if clock > 100.0 { 3.0 } else { 1.0 };
        factor * if threads == 1 { 0.041 } else { 0.032 }
    };
    let mut machine = Simulation::new(2, secs);
    machine.until(103.0);
    assert_eq!(machine.settled(), 2);
}

#[test]
fn pieces_may_differ_in_size() {
    let mut choice = ThreadChoice::up_to(2);
    let mut settled = 0;
    for piece in 0..2000 {
        let units = f64::from(1 + piece % 7);
        let secs = units * if choice.threads() == 1 { 0.02 } else { 0.011 };
        settled += u32::from(choice.threads() == 2);
        choice.learn(units, Duration::from_secs_f64(secs));
    }
    assert!(settled > 1900, "{settled}");
}
