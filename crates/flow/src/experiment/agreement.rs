//! What processes that share an experiment have to agree on before its first step.

use std::collections::BTreeMap;

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_libtorch::ProcessGroup;
use tch::{Kind, Tensor};

use crate::base::Base;
use crate::config::{ExperimentConfig, leaves};
use crate::error::{Result, refuse};
use crate::manifest::FlowManifest;
use crate::target::Target;
use crate::work::Work;

/// Points by which data are told from others.
const N_POINTS: i64 = 256;

/// Keys that each process may have its own values of.
const FREE: [&str; 2] = ["config: threads", "flow: threads"];

/// Refuses processes with another program, config or data than the process 0.
pub(super) fn check(
    work: &Work,
    config: &ExperimentConfig,
    manifest: &FlowManifest,
    ends: (&Base, &Target),
) -> Result<()> {
    let Some(group) = work.group() else { return Ok(()) };
    let all = of_all(group, &facts(config, manifest, ends)?)?;
    let first = all.first().cloned().unwrap_or_default();
    let problem = all.iter().enumerate().find_map(|(rank, own)| difference(rank, own, &first));
    let Some(problem) = problem else { return Ok(()) };
    refuse(format!(
        "the processes do not have the same to do, {problem}\n\
         hint: start all of them with the same program, config and data"
    ))
}

/// What each process knows, by name.
type Facts = BTreeMap<String, String>;

fn facts(
    config: &ExperimentConfig,
    manifest: &FlowManifest,
    (base, target): (&Base, &Target),
) -> Result<Facts> {
    let mut facts = Facts::from([
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("libtorch".to_owned(), interflow_libtorch::version().to_owned()),
        ("points of the base".to_owned(), digest(&*base.training())),
        ("points of the target".to_owned(), digest(&*target.training())),
    ]);
    for (table, values) in [("config", leaves(config)?), ("flow", leaves(manifest)?)] {
        facts.extend(values.into_iter().map(|(key, value)| (format!("{table}: {key}"), value.to_string())));
    }
    facts.retain(|name, _| !FREE.contains(&name.as_str()));
    Ok(facts)
}

/// A number that differs where a source's first points do.
fn digest(source: &dyn Source) -> String {
    let points = source.batch(N_POINTS, 0, &Stream::new(0, Purpose::Target));
    let of = |x: &Tensor| {
        let x = x.to_kind(Kind::Double).contiguous();
        let mut bytes = vec![0; 8 * x.numel()];
        x.copy_data_u8(&mut bytes, x.numel());
        crc32c::crc32c(&bytes)
    };
    let given = points.given.tensor().map_or(0, of);
    format!("{:08x}{given:08x}", of(&points.x))
}

/// The facts of every process. They are waited for as long as it takes to load the data.
fn of_all(group: &ProcessGroup, own: &Facts) -> Result<Vec<Facts>> {
    let name = |rank: usize| format!("facts of {rank}");
    let text = serde_json::to_vec(own).unwrap_or_default();
    group.set(&name(group.rank()), &text)?;
    group.barrier()?;
    let read = |rank| Ok(serde_json::from_slice(&group.get(&name(rank))?).unwrap_or_default());
    (0..group.size()).map(read).collect()
}

/// The first fact that two processes do not have alike.
fn difference(rank: usize, own: &Facts, first: &Facts) -> Option<String> {
    let names = own.keys().chain(first.keys());
    let differs = |name: &&String| own.get(*name) != first.get(*name);
    let name = names.filter(differs).min()?;
    let shown = |facts: &Facts| facts.get(name).cloned().unwrap_or_else(|| "none".to_owned());
    Some(format!("{name}, process 0: {}, process {rank}: {}", shown(first), shown(own)))
}

#[cfg(test)]
mod tests {
    use interflow_core::target::DensityConfig;

    use super::*;

    fn facts_of(config: &ExperimentConfig) -> Facts {
        let target = Target::load(&config.target, std::path::Path::new("")).unwrap();
        let base = Base::load(&config.base, target.space().dim, std::path::Path::new("")).unwrap();
        facts(config, &FlowManifest::of(config, &base, &target), (&base, &target)).unwrap()
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {});
        let own = facts_of(&config);
        assert_eq!(difference(1, &own, &facts_of(&config)), None);
        let mut other = config.clone();
        other.train.batch = 77;
        let batch = config.train.batch;
        let problem = difference(2, &facts_of(&other), &own).unwrap();
        assert_eq!(problem, format!("config: train.batch, process 0: {batch}, process 2: 77"));
        let rings = ExperimentConfig::synthetic("moons", DensityConfig::Rings {});
        assert!(facts_of(&rings)["points of the target"] != own["points of the target"]);
        let mut threads = config;
        threads.threads = crate::Threads::Fixed(7);
        assert_eq!(difference(1, &facts_of(&threads), &own), None);
    }
}
