//! The part of the work that is this process's own, where many share it.
//!
//! A master belongs to a shard by the hash of its path below the folder that was named. So all agree without a word, whatever the folder
//! is mounted as; no master has to be read to know; and a file that is added moves no other.

use std::path::Path;
use std::str::FromStr;

/// One of several equal parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    /// From 0.
    index: u64,
    count: u64,
}

impl FromStr for Shard {
    type Err = String;

    /// From "I/N", where the first is 1.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index @ 1.., count)) if index <= count => Ok(Self { index: index - 1, count }),
            _ => Err("a shard is one of several, such as 1/10 to 10/10".to_owned()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "shard {} of {}", self.index + 1, self.count)
    }
}

/// How schedulers tell a task its index and the number of tasks; both from 0.
const SCHEDULERS: [(&str, &str, &str); 4] = [
    ("TONEPRESS_SHARD_INDEX", "TONEPRESS_SHARD_COUNT", "the environment"),
    ("AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", "AWS Batch"),
    ("CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT", "Cloud Run"),
    ("JOB_COMPLETION_INDEX", "TONEPRESS_SHARD_COUNT", "Kubernetes"),
];

impl Shard {
    /// The shard that a scheduler has given to this process, and which scheduler; `None` if there is none.
    ///
    /// # Errors
    /// An index without a count, or numbers that are none.
    pub(crate) fn given(
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<(Self, &'static str)>, String> {
        let number = |name: &str| -> Result<Option<u64>, String> {
            let Some(text) = var(name).filter(|text| !text.is_empty()) else { return Ok(None) };
            text.parse().map(Some).map_err(|_| format!("{name} is '{text}', which is no number"))
        };
        let of = |index: u64, count: u64, who: &'static str| {
            if index < count {
                Ok(Some((Self { index, count }, who)))
            } else {
                Err(format!("{who} says that this is task {index} (from 0) of {count}"))
            }
        };
        if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
            let least = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            let count = number("SLURM_ARRAY_TASK_COUNT")?
                .ok_or_else(|| missing("SLURM_ARRAY_TASK_COUNT", "Slurm"))?;
            return of(id.saturating_sub(least) / step, count, "Slurm");
        }
        for (index, count, who) in SCHEDULERS {
            if let Some(index) = number(index)? {
                return of(index, number(count)?.ok_or_else(|| missing(count, who))?, who);
            }
        }
        // GNU parallel numbers whatever it runs, so only with a count this is meant.
        match (number("PARALLEL_SEQ")?, number("TONEPRESS_SHARD_COUNT")?) {
            (Some(number @ 1..), Some(count)) => of(number - 1, count, "GNU parallel"),
            (_, Some(_)) => {
                Err("TONEPRESS_SHARD_COUNT is set, but nothing tells which shard this is".to_owned())
            }
            _ => Ok(None),
        }
    }

    /// Whether a file at this path, below the folder that was named, belongs to it.
    pub(crate) fn has(self, path: &Path) -> bool {
        let hash = blake3::hash(path.as_os_str().as_encoded_bytes());
        let (first, _) = hash.as_bytes().split_first_chunk().expect("32 bytes");
        let place = (u128::from(u64::from_be_bytes(*first)) * u128::from(self.count)) >> 64;
        place == u128::from(self.index)
    }
}

fn missing(variable: &str, who: &str) -> String {
    format!(
        "{who} tells the index of a shard, but {variable} is not set: how many are there? (--shard 1/1 does all)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn given(set: &[(&str, &str)]) -> Result<Option<(Shard, &'static str)>, String> {
        Shard::given(|name| {
            set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn shard(index: u64, count: u64) -> Shard {
        Shard { index, count }
    }

    #[test]
    fn a_shard_is_typed_from_one_on() {
        assert_eq!("1/10".parse(), Ok(shard(0, 10)));
        assert_eq!("10/10".parse(), Ok(shard(9, 10)));
        for wrong in ["0/10", "11/10", "1", "1/0", "a/b", "-1/2", "", "1/2/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn schedulers_are_understood() {
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "14"),
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "5"),
        ];
        assert_eq!(given(&slurm), Ok(Some((shard(2, 5), "Slurm"))));
        assert!(given(&slurm[..1]).is_err());
        let aws = [("AWS_BATCH_JOB_ARRAY_INDEX", "3"), ("AWS_BATCH_JOB_ARRAY_SIZE", "4")];
        assert_eq!(given(&aws), Ok(Some((shard(3, 4), "AWS Batch"))));
        let run = [("CLOUD_RUN_TASK_INDEX", "0"), ("CLOUD_RUN_TASK_COUNT", "2")];
        assert_eq!(given(&run), Ok(Some((shard(0, 2), "Cloud Run"))));
        let kubernetes = [("JOB_COMPLETION_INDEX", "1"), ("TONEPRESS_SHARD_COUNT", "2")];
        assert_eq!(given(&kubernetes), Ok(Some((shard(1, 2), "Kubernetes"))));
        assert!(given(&kubernetes[..1]).unwrap_err().contains("TONEPRESS_SHARD_COUNT"));
        let parallel = [("PARALLEL_SEQ", "2"), ("TONEPRESS_SHARD_COUNT", "2")];
        assert_eq!(given(&parallel), Ok(Some((shard(1, 2), "GNU parallel"))));
        assert_eq!(given(&parallel[..1]), Ok(None));
        let own = [("TONEPRESS_SHARD_INDEX", "1"), ("TONEPRESS_SHARD_COUNT", "3")];
        assert_eq!(given(&own), Ok(Some((shard(1, 3), "the environment"))));
        assert!(given(&own[..1]).is_err() && given(&own[1..]).is_err());
        assert!(given(&[("TONEPRESS_SHARD_INDEX", "3"), ("TONEPRESS_SHARD_COUNT", "3")]).is_err());
        assert!(given(&[("TONEPRESS_SHARD_INDEX", "x"), ("TONEPRESS_SHARD_COUNT", "3")]).is_err());
        assert_eq!(given(&[]), Ok(None));
    }

    proptest! {
        #[test]
        fn every_file_has_one_shard(path: String, count in 1..2_000_u64) {
            let owners = (0..count).filter(|&index| shard(index, count).has(Path::new(&path))).count();
            prop_assert_eq!(owners, 1);
        }
    }

    #[test]
    fn shards_are_about_equal() {
        let names: Vec<String> = (0..10_000).map(|n| format!("album {}/track {n}.flac", n / 12)).collect();
        for index in 0..10 {
            let own = names.iter().filter(|name| shard(index, 10).has(Path::new(name))).count();
            assert!((850..1_150).contains(&own), "{own}");
        }
    }
}
