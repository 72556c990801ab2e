//! Checkpoints that are written beside the training are those that would have been written in its way.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use interflow_core::interpolant::Interpolant;
use interflow_train::{
    Checkpoint, CheckpointWriter, Error, Failure, Observer, RunState, TrainConfig, Trainer, checkpoints,
};
use support::{Mlp, normals, short, velocity};

fn trainer(config: TrainConfig) -> Trainer {
    velocity(config, normals(Interpolant::linear(), 2), Mlp::new(2, 64, 2), 1)
}

fn texts() -> BTreeMap<String, String> {
    BTreeMap::from([("manifest".to_owned(), "dim = 2".to_owned())])
}

/// Writes every checkpoint twice: beside the training, and at once into `in_the_way`.
struct Twice<'a> {
    writer: CheckpointWriter,
    in_the_way: &'a Path,
}

impl Observer for Twice<'_> {
    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), Failure> {
        self.writer.begin(state, &texts())?;
        Ok(Checkpoint::save(&checkpoints::path_for(self.in_the_way, state.step), state, &texts())?)
    }

    fn check(&mut self) -> Result<(), Failure> {
        Ok(self.writer.check()?)
    }

    fn on_end(&mut self) -> Result<(), Failure> {
        Ok(self.writer.finish()?)
    }
}

/// Steps and digests of checkpoints, newest first; a digest is of all tensors and texts, and checked by loading the file.
fn digests(folder: &Path) -> Vec<(u64, String)> {
    let digest = |(step, path): (u64, PathBuf)| {
        assert_eq!(Checkpoint::load(&path).unwrap().step, step);
        let bytes = fs::read(path).unwrap();
        let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..end]).unwrap();
        (step, header["__metadata__"]["sha256"].as_str().unwrap().to_owned())
    };
    checkpoints::list(folder).unwrap().into_iter().map(digest).collect()
}

/// Steps go on while a checkpoint is written, and change the weights that it is made of.
#[test]
fn the_state_is_that_of_the_moment() {
    let folder = tempfile::tempdir().unwrap();
    let [beside, in_the_way] = ["beside", "in-the-way"].map(|name| folder.path().join(name));
    let mut observer = Twice { writer: CheckpointWriter::new(&beside, 3), in_the_way: &in_the_way };
    trainer(TrainConfig { checkpoint_every: 2, ..short(13) }).run(&mut observer).unwrap();
    let (found, expected) = (digests(&beside), digests(&in_the_way));
    assert_eq!(expected.len(), 7);
    assert_eq!(found, expected[..3], "the three newest are kept");
    let left = fs::read_dir(&beside).unwrap().count();
    assert_eq!(left, 3, "a partial file was left behind");
}

#[test]
fn a_writer_that_is_dropped_has_written() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = trainer(short(1));
    let mut writer = CheckpointWriter::new(folder.path(), 3);
    writer.begin(&trainer.state(), &texts()).unwrap();
    drop(writer);
    assert_eq!(Checkpoint::load(&checkpoints::path_for(folder.path(), 0)).unwrap().texts, texts());
}

/// Makes the place of a step's checkpoint one that no file can take.
fn block(folder: &Path, step: u64) {
    fs::create_dir_all(checkpoints::path_for(folder, step).join("taken")).unwrap();
}

#[test]
fn a_failure_is_told_once_by_whoever_asks_first() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = trainer(short(1));
    block(folder.path(), 0);
    let mut writer = CheckpointWriter::new(folder.path(), 3);
    let begin = |writer: &mut CheckpointWriter| writer.begin(&trainer.state(), &texts());
    begin(&mut writer).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if *path == checkpoints::path_for(folder.path(), 0)));
    writer.finish().unwrap();
    begin(&mut writer).unwrap();
    assert!(begin(&mut writer).is_err(), "the one before has failed");
    begin(&mut writer).unwrap();
    while writer.check().is_ok() {
        std::thread::yield_now();
    }
    writer.check().unwrap();
}

#[test]
fn a_run_ends_by_a_failure_beside_it_also_at_its_last_checkpoint() {
    for (steps, blocked) in [(1_000_000, 4), (4, 4)] {
        let folder = tempfile::tempdir().unwrap();
        block(folder.path(), blocked);
        let in_the_way = folder.path().join("in-the-way");
        let mut observer = Twice { writer: CheckpointWriter::new(folder.path(), 3), in_the_way: &in_the_way };
        let mut trainer = trainer(TrainConfig { checkpoint_every: 2, ..short(steps) });
        let error = trainer.run(&mut observer).unwrap_err();
        let Error::Observer { step, source } = error else { panic!("{error}") };
        assert!(source.to_string().contains("step-0000000004"), "{source}");
        assert!((4..=6).contains(&step), "the run went on until step {step}");
    }
}

/// Prints how long a run of 50 million weights stands still for a checkpoint; run with `-- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn standstill() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let mut trainer = velocity(
        TrainConfig { batch: 8, ..short(1) },
        normals(Interpolant::linear(), 2),
        Mlp::new(2, 5000, 3),
        1,
    );
    trainer.run(&mut interflow_train::Silent).unwrap();
    let mut writer = CheckpointWriter::new(folder.path(), 1);
    for _ in 0..3 {
        let start = std::time::Instant::now();
        Checkpoint::save(&checkpoints::path_for(folder.path(), 0), &trainer.state(), &texts()).unwrap();
        let in_the_way = start.elapsed();
        let start = std::time::Instant::now();
        writer.begin(&trainer.state(), &texts()).unwrap();
        let begun = start.elapsed();
        writer.finish().unwrap();
        println!("in the way {in_the_way:.2?}, beside {begun:.2?} and {:.2?} in all", start.elapsed());
    }
}
