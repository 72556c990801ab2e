//! The conditions that make a network of two times a flow map, measured on the way of base points.

use anyhow::Result;
use interflow_core::Given;
use interflow_core::flow_map::{Direction, FlowMap, Jump};
use interflow_core::rng::{Purpose, Stream};
use tch::{Kind, Tensor};

use super::{FewCallsConfig, cell, object};
use crate::findings::Findings;
use crate::subject::Subject;

/// Jumps to the points at which the conditions are measured.
const N_JUMPS: u32 = 8;
/// The most points.
const MOST: i64 = 4096;
/// Points that share a time of start.
const BATCH: i64 = 128;
/// The length of the short jump that the tangent condition is measured by.
const SHORT: f64 = 1e-3;

/// What is left of each condition: squares by name, and those of what they are relative to.
struct Left {
    semigroup: Tensor,
    inverse: Tensor,
    lagrangian: [Tensor; 2],
    tangent: [Tensor; 2],
}

/// Adds the root mean squares of what is left of semigroup and inverse, in the flow's coordinates, and of the Lagrangian and
/// the tangent condition, relative to the velocity.
pub(super) fn measure(config: &FewCallsConfig, subject: &Subject<'_>, findings: &mut Findings) -> Result<()> {
    let map = subject.engine.flow_map()?;
    let n = config.n.min(MOST);
    let x0 = subject.admit(&subject.base.law().sample(0, n, subject.seed(), subject.kind())?)?;
    let mut draw = Stream::new(subject.seed(), Purpose::Test).at(2);
    let left: Vec<Left> = x0
        .split(BATCH, 0)
        .iter()
        .map(|x0| {
            let s = f64::try_from(draw.uniform(&[1], Kind::Double))?;
            let [t, between] = [(); 2].map(|()| draw.uniform(&[x0.size()[0]], Kind::Double));
            Ok(tch::no_grad(|| at(map, x0, (s, &t, &between))))
        })
        .collect::<Result<_>>()?;
    let root = |which: &dyn Fn(&Left) -> &Tensor| {
        let all: Vec<&Tensor> = left.iter().map(which).collect();
        Tensor::cat(&all, 0).mean(Kind::Double).sqrt().double_value(&[])
    };
    let found = [
        ("semigroup", root(&|left| &left.semigroup)),
        ("inverse", root(&|left| &left.inverse)),
        ("lagrangian", root(&|left| &left.lagrangian[0]) / root(&|left| &left.lagrangian[1])),
        ("tangent", root(&|left| &left.tangent[0]) / root(&|left| &left.tangent[1])),
    ];
    findings.results.insert("map_conditions".into(), object(&found));
    let rows: Vec<Vec<String>> =
        found.iter().map(|(name, value)| vec![(*name).to_owned(), cell(*value)]).collect();
    let title = "What is left of the map's conditions: root mean squares of semigroup and inverse, of the others relative to \
                 the velocity";
    findings.section(title, &["condition", "left"], &rows, &[]);
    Ok(())
}

/// What is left where base points `x0` come by at time s, of jumps from there to t over the times in between.
fn at(map: &dyn FlowMap, x0: &Tensor, (s, t, between): (f64, &Tensor, &Tensor)) -> Left {
    let given = &Given::Nothing;
    let x = &map.carry(x0, given, 0.0, s, N_JUMPS).x;
    let place = |times: &Tensor| times.to_kind(x.kind()).to_device(x.device());
    let (from, to) = (&x.select(1, 0).full_like(s), &place(t));
    let halfway = &(from + place(between) * (to - from));
    let carried = |from: &Tensor, to: &Tensor, x: &Tensor| {
        let jump = Jump { from, to, x, given };
        map.average(&jump).landing(&jump)
    };
    let squares = |x: Tensor| x.square().sum_dim_intlist(1i64, false, Kind::Double);
    let landed = carried(from, to, x);
    let jump = Jump { from, to, x, given };
    let (average, rate) = map.average_and_tangent(&jump, &Direction::To);
    let motion = average.velocity + jump.length().unsqueeze(1) * rate.velocity;
    let velocity = map.value(to, &landed, given);
    let shortly = &(from + SHORT);
    let start = map.value(from, x, given);
    Left {
        semigroup: squares(carried(halfway, to, &carried(from, halfway, x)) - &landed),
        inverse: squares(carried(to, from, &landed) - x),
        lagrangian: [squares(motion - &velocity), squares(velocity)],
        tangent: [squares((carried(from, shortly, x) - x) / SHORT - &start), squares(start)],
    }
}
