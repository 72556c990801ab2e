//! Checkpoints that were written before there were manifests: their config, with what training had filled in, tells the
//! same.

use toml::{Table, Value};

use crate::config::{ExperimentConfig, parse};
use crate::divergence::DivergenceConfig;
use crate::error::{Error, Result, refuse};
use crate::manifest::FlowManifest;

/// The text of such a checkpoint that holds its config.
pub(crate) const CONFIG: &str = "config";

/// The manifest that the config `text` of an old checkpoint amounts to.
pub(crate) fn manifest(text: &str) -> Result<FlowManifest> {
    let config: Table = parse(text, "the checkpoint's config", &[])?;
    if has_conditions(&config) {
        return refuse(
            "the checkpoint was written when conditions were coordinates of the state, and its network still takes \
             and gives them as such\nhint: train the flow anew with this version",
        );
    }
    let manifest = translated(&config).ok_or_else(|| {
        Error::refused("the checkpoint's config names no dimension\nhint: use another checkpoint")
    })?;
    FlowManifest::from_toml(&manifest.to_string())
}

/// The experiment that the config `text` of an old checkpoint describes, without what training had filled in.
pub(crate) fn experiment(text: &str) -> Result<ExperimentConfig> {
    let mut config: Table = parse(text, "the checkpoint's config", &[])?;
    for filled_in in ["dim", "whitening", "units", "images"] {
        config.remove(filled_in);
    }
    let objective = objective(&mut config);
    config.insert("objective".to_owned(), Value::Table(objective));
    for key in ["model", "denoiser"] {
        if let Some(Value::Table(model)) = config.get_mut(key) {
            model.remove("n_classes");
        }
    }
    ExperimentConfig::from_toml(&config.to_string(), "the checkpoint's config", &[])
}

/// The objective, which was told by three keys once; takes them out of `[train]`.
fn objective(config: &mut Table) -> Table {
    let has_denoiser = config.contains_key("denoiser");
    let train = config.get_mut("train").and_then(Value::as_table_mut);
    let (form, likelihood) =
        train.map_or((None, None), |train| (train.remove("objective"), train.remove("likelihood")));
    if let Some(Value::Table(mut likelihood)) = likelihood {
        likelihood.insert("kind".to_owned(), Value::from("likelihood"));
        return likelihood;
    }
    let kind = if has_denoiser { "velocity-with-denoiser" } else { "velocity" };
    let mut objective = Table::from_iter([("kind".to_owned(), Value::from(kind))]);
    objective.extend(form.map(|form| ("form".to_owned(), form)));
    objective
}

/// Whether a table has columns that are conditions.
fn has_conditions(config: &Table) -> bool {
    let columns = config.get("units").and_then(|units| units.get("target")).and_then(Value::as_array);
    let given = |column: &Value| column.get("given").and_then(Value::as_bool).unwrap_or(false);
    columns.is_some_and(|columns| columns.iter().any(given))
}

/// The manifest as a table, nothing if a key is missing that every such config has.
fn translated(config: &Table) -> Option<Table> {
    let images = config.get("images").and_then(Value::as_table);
    let n_classes = images.and_then(|images| images.get("n_classes")?.as_integer()).unwrap_or(0);
    // The class was the first coordinate.
    let dim = config.get("dim")?.as_integer()? - i64::from(n_classes > 0);
    let evaluation = config.get("evaluation")?.as_table()?;
    let mut manifest = Table::new();
    for key in ["name", "seed", "precision", "threads", "interpolant", "solver", "precondition"] {
        copy(config, key, &mut manifest);
    }
    copy(evaluation, "batch", &mut manifest);
    let divergence = match evaluation.get("divergence") {
        Some(divergence) => divergence.clone(),
        None => Value::try_from(DivergenceConfig::usual(dim)).ok()?,
    };
    manifest.insert("divergence".to_owned(), divergence);
    let independent = config.get("coupling")?.get("kind")?.as_str()? == "independent";
    let pairing = if independent { "independent" } else { "coupled" };
    manifest.insert("pairing".to_owned(), Value::from(pairing));
    manifest.insert("space".to_owned(), space(dim, n_classes));
    manifest.insert("base".to_owned(), base(config)?);
    manifest.insert("target".to_owned(), target(config)?);
    if let Some(family) = config.get("path").and_then(|path| path.get("family")) {
        manifest.insert("path".to_owned(), family.clone());
    }
    for key in ["model", "denoiser"] {
        if let Some(Value::Table(model)) = config.get(key) {
            let mut model = model.clone();
            model.remove("n_classes");
            manifest.insert(key.to_owned(), Value::Table(model));
        }
    }
    Some(manifest)
}

fn copy(from: &Table, key: &str, to: &mut Table) {
    if let Some(value) = from.get(key) {
        to.insert(key.to_owned(), value.clone());
    }
}

fn space(dim: i64, n_classes: i64) -> Value {
    let mut given = Table::new();
    if n_classes > 0 {
        given.insert("kind".to_owned(), Value::from("class"));
        given.insert("n_classes".to_owned(), Value::from(n_classes));
    } else {
        given.insert("kind".to_owned(), Value::from("nothing"));
    }
    Value::Table(Table::from_iter([
        ("dim".to_owned(), Value::from(dim)),
        ("given".to_owned(), Value::Table(given)),
    ]))
}

fn base(config: &Table) -> Option<Value> {
    let base = config.get("base")?;
    Some(match base.get("kind")?.as_str()? {
        "standard-normal" | "synthetic" => base.clone(),
        _ => {
            let mut data = Table::from_iter([("kind".to_owned(), Value::from("data"))]);
            if let Some(columns) = config.get("units").and_then(|units| units.get("base")) {
                data.insert("columns".to_owned(), columns.clone());
            }
            Value::Table(data)
        }
    })
}

fn target(config: &Table) -> Option<Value> {
    let mut target = Table::new();
    if let Some(extent) = extent(config.get("target")?) {
        target.insert("extent".to_owned(), Value::from(extent));
    }
    if let Some(columns) = config.get("units").and_then(|units| units.get("target")) {
        target.insert("columns".to_owned(), columns.clone());
    }
    copy(config, "whitening", &mut target);
    if let Some(Value::Table(images)) = config.get("images") {
        let mut images = images.clone();
        images.remove("n_classes");
        target.insert("images".to_owned(), Value::Table(images));
    }
    Some(Value::Table(target))
}

/// The window of a density of the library.
fn extent(target: &Value) -> Option<f64> {
    let density: interflow_core::target::DensityConfig = target.get("density")?.clone().try_into().ok()?;
    Some(density.build().ok()?.extent())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an old checkpoint of a table with a condition began with.
    const CONDITIONS: &str = r#"
        name = "table"
        dim = 2

        [[units.target]]
        name = "age"
        mean = 40.0
        deviation = 9.0
        given = true

        [[units.target]]
        name = "height"
        mean = 1.7
        deviation = 0.1
    "#;

    #[test]
    fn flows_whose_conditions_were_coordinates_are_refused() {
        let message = manifest(CONDITIONS).unwrap_err().to_string();
        assert!(message.contains("conditions were coordinates") && message.contains("hint: "), "{message}");
    }

    #[test]
    fn a_config_without_a_dimension_is_refused() {
        let message = manifest("name = \"table\"").unwrap_err().to_string();
        assert!(message.contains("names no dimension"), "{message}");
    }
}
