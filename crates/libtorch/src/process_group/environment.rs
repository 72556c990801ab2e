//! The place that a launcher has written into a process's environment: `torchrun`, SLURM's `srun`, Open MPI's `mpirun`.

use std::env;
use std::str::FromStr;

use super::place::{Keeper, Place};
use crate::error::{Error, Result};

/// The port where processes meet if nobody names one.
const PORT: u16 = 29_500;

impl Place {
    /// The place that this process was given by its launcher, in the variables of `torchrun` (`RANK`, `WORLD_SIZE`,
    /// `LOCAL_RANK`, `MASTER_ADDR`, `MASTER_PORT`), of SLURM's `srun` (`SLURM_PROCID`, `SLURM_STEP_NUM_TASKS`,
    /// `SLURM_LOCALID`) or of Open MPI's `mpirun` (`OMPI_COMM_WORLD_RANK`, …); none for a process that was started alone.
    ///
    /// Under SLURM the processes meet at the first node of the step, unless `MASTER_ADDR` names a host, and at a port that
    /// follows from the job's number, unless `MASTER_PORT` does; under Open MPI on one machine at 127.0.0.1:29500.
    ///
    /// # Errors
    /// [`Error::Environment`] naming the variable that is missing or makes no sense.
    pub fn of_environment() -> Result<Option<Self>> {
        let read = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Variables(&read).place()
    }
}

/// An environment, by what it says of a variable.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn place(&self) -> Result<Option<Place>> {
        let place = if self.has("RANK") || self.has("WORLD_SIZE") {
            self.of_torchrun()?
        } else if self.has("SLURM_STEP_NUM_TASKS") && self.has("SLURM_PROCID") {
            self.of_slurm()?
        } else if self.has("OMPI_COMM_WORLD_SIZE") {
            self.of_open_mpi()?
        } else {
            return Ok(None);
        };
        if place.rank >= place.size {
            let problem =
                format!("it says process {} of {}: processes are numbered from 0", place.rank, place.size);
            return Err(Error::Environment { problem });
        }
        Ok((place.size > 1).then_some(place))
    }

    fn of_torchrun(&self) -> Result<Place> {
        let keeper = match self.get("TORCHELASTIC_USE_AGENT_STORE").as_deref() {
            Some("True") => Keeper::Launcher { attempt: self.number_or("TORCHELASTIC_RESTART_COUNT", 0)? },
            _ => Keeper::First,
        };
        Ok(Place {
            rank: self.number("RANK")?,
            size: self.number("WORLD_SIZE")?,
            local_rank: self.number_or("LOCAL_RANK", 0)?,
            host: self.text("MASTER_ADDR")?,
            port: self.number("MASTER_PORT")?,
            keeper,
            timeout: Place::TIMEOUT,
        })
    }

    fn of_slurm(&self) -> Result<Place> {
        let host = match self.get("MASTER_ADDR") {
            Some(host) => host,
            None => first_host(&self.text("SLURM_STEP_NODELIST")?),
        };
        // Jobs of one node shall not meet at one port.
        let job: u64 = self.number_or("SLURM_JOB_ID", 0)?;
        let port = u16::try_from(15_000 + job % 10_000).unwrap_or(PORT);
        Ok(Place {
            rank: self.number("SLURM_PROCID")?,
            size: self.number("SLURM_STEP_NUM_TASKS")?,
            local_rank: self.number_or("SLURM_LOCALID", 0)?,
            host,
            port: self.number_or("MASTER_PORT", port)?,
            keeper: Keeper::First,
            timeout: Place::TIMEOUT,
        })
    }

    fn of_open_mpi(&self) -> Result<Place> {
        let size: usize = self.number("OMPI_COMM_WORLD_SIZE")?;
        let of_machine: usize = self.number_or("OMPI_COMM_WORLD_LOCAL_SIZE", 0)?;
        let host = match self.get("MASTER_ADDR") {
            Some(host) => host,
            None if of_machine == size => "127.0.0.1".to_owned(),
            None => self.text("MASTER_ADDR")?,
        };
        Ok(Place {
            rank: self.number("OMPI_COMM_WORLD_RANK")?,
            size,
            local_rank: self.number_or("OMPI_COMM_WORLD_LOCAL_RANK", 0)?,
            host,
            port: self.number_or("MASTER_PORT", PORT)?,
            keeper: Keeper::First,
            timeout: Place::TIMEOUT,
        })
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0(name)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn text(&self, name: &str) -> Result<String> {
        self.get(name).ok_or_else(|| Error::Environment {
            problem: format!(
                "{name} is not set\nhint: each process needs RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT"
            ),
        })
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<T> {
        let text = self.text(name)?;
        text.parse()
            .map_err(|_| Error::Environment { problem: format!("{name} is not a number in range: {text}") })
    }

    fn number_or<T: FromStr>(&self, name: &str, otherwise: T) -> Result<T> {
        if self.has(name) { self.number(name) } else { Ok(otherwise) }
    }
}

/// The first host of a list as SLURM writes it: `a12`, `a,b`, `gpu[003-017,20],login`, `rack[1-2]node[5,7]`.
fn first_host(list: &str) -> String {
    let mut host = String::new();
    let mut rest = list;
    while let Some(end) = rest.find(['[', ',']) {
        host += &rest[..end];
        if rest[end..].starts_with(',') {
            return host;
        }
        let (inside, after) = rest[end + 1..].split_once(']').unwrap_or((&rest[end + 1..], ""));
        host += inside.split([',', '-']).next().unwrap_or_default();
        rest = after;
    }
    host + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)]) -> Result<Option<Place>> {
        let read = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Variables(&read).place()
    }

    fn refusal(variables: &[(&str, &str)]) -> String {
        place(variables).unwrap_err().to_string()
    }

    #[test]
    fn a_process_that_was_started_alone_has_no_place() {
        assert_eq!(place(&[]).unwrap(), None);
        // A batch script of SLURM's that starts the program without srun.
        assert_eq!(place(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")]).unwrap(), None);
        let alone = [("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "a"), ("MASTER_PORT", "1")];
        assert_eq!(place(&alone).unwrap(), None);
    }

    #[test]
    fn torchruns_variables_are_understood() {
        let variables = [
            ("RANK", "5"),
            ("WORLD_SIZE", "8"),
            ("LOCAL_RANK", "1"),
            ("MASTER_ADDR", "node1"),
            ("MASTER_PORT", "29501"),
            ("TORCHELASTIC_USE_AGENT_STORE", "True"),
            ("TORCHELASTIC_RESTART_COUNT", "2"),
        ];
        let found = place(&variables).unwrap().unwrap();
        assert_eq!((found.rank, found.size, found.local_rank), (5, 8, 1));
        assert_eq!(
            (found.address(), found.keeper),
            ("node1:29501".to_owned(), Keeper::Launcher { attempt: 2 })
        );
        let found = place(&variables[..5]).unwrap().unwrap();
        assert_eq!(found.keeper, Keeper::First);
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_is_named() {
        let whole = [("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "a"), ("MASTER_PORT", "29500")];
        for missing in 0..whole.len() {
            let some: Vec<_> = (0..whole.len()).filter(|i| *i != missing).map(|i| whole[i]).collect();
            let expected = format!("{} is not set\nhint: ", whole[missing].0);
            assert!(refusal(&some).contains(&expected), "{}", refusal(&some));
        }
        for (index, value) in [(0, "first"), (1, "-2"), (3, "70000")] {
            let mut wrong = whole;
            wrong[index].1 = value;
            let expected = format!("{} is not a number in range: {value}", wrong[index].0);
            assert!(refusal(&wrong).contains(&expected), "{}", refusal(&wrong));
        }
        let mut wrong = whole;
        wrong[0].1 = "2";
        assert!(refusal(&wrong).contains("process 2 of 2"), "{}", refusal(&wrong));
    }

    #[test]
    fn a_step_of_slurms_meets_at_its_first_node() {
        let variables = [
            ("SLURM_PROCID", "3"),
            ("SLURM_STEP_NUM_TASKS", "4"),
            ("SLURM_LOCALID", "1"),
            ("SLURM_JOB_ID", "1234567"),
            ("SLURM_STEP_NODELIST", "gpu[007-008]"),
        ];
        let found = place(&variables).unwrap().unwrap();
        assert_eq!((found.rank, found.size, found.local_rank), (3, 4, 1));
        assert_eq!(found.address(), "gpu007:19567");
        for (list, first) in [
            ("a", "a"),
            ("a12,b", "a12"),
            ("a[3,5-7]", "a3"),
            ("rack[1-2]node[05,7]x,b", "rack1node05x"),
            ("a[", "a"),
        ] {
            assert_eq!(first_host(list), first);
        }
    }

    #[test]
    fn processes_of_open_mpis_meet_on_their_machine_or_where_they_are_told() {
        let here = [
            ("OMPI_COMM_WORLD_RANK", "1"),
            ("OMPI_COMM_WORLD_SIZE", "2"),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "1"),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
        ];
        assert_eq!(place(&here).unwrap().unwrap().address(), "127.0.0.1:29500");
        let mut spread = here.to_vec();
        spread[3].1 = "1";
        assert!(refusal(&spread).contains("MASTER_ADDR is not set"), "{}", refusal(&spread));
        spread.extend([("MASTER_ADDR", "node1"), ("MASTER_PORT", "5")]);
        assert_eq!(place(&spread).unwrap().unwrap().address(), "node1:5");
    }
}
