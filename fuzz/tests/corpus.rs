//! Every target over its committed corpus, and over a fixed number of damaged copies of it.

use calco_fuzz::mutate::{Random, mutate};
use calco_fuzz::target::{TARGETS, Target};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Damaged copies of each file of the corpus.
const COPIES: u64 = 200;

/// Longest time for one input. A parser needs milliseconds; this is about hanging, on a slow and
/// busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(20);

fn corpus(target: &Target) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

/// Runs the target; answers whether it understood the input.
fn survives(target: &Target, input: &[u8], origin: &str) -> bool {
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let time = start.elapsed();
    match outcome {
        Ok(understood) if time <= TIME_LIMIT => understood,
        _ => {
            let file = std::env::temp_dir().join(format!("calco-fuzz-{}", target.name));
            std::fs::write(&file, input).unwrap();
            panic!("{}, {origin}: failed after {time:?}; input in {}", target.name, file.display());
        }
    }
}

fn run(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let files = corpus(target);
    let mut understood = 0;
    for file in &files {
        let seed = std::fs::read(file).unwrap();
        let origin = file.file_name().unwrap().to_string_lossy().into_owned();
        understood += usize::from(survives(target, &seed, &origin));
        let mut random = Random::new(seed.len() as u64);
        for copy in 0..COPIES {
            let mut input = seed.clone();
            mutate(&mut input, &mut random);
            survives(target, &input, &format!("{origin}, copy {copy}"));
        }
    }
    assert!(understood >= 2, "{name}: {understood} of {} understood", files.len());
}

macro_rules! tests {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn every_target_is_tested_and_has_a_program() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            for name in names {
                let program = format!("fuzz_targets/{name}.rs");
                assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(program).exists(), "{name}");
            }
        }
    };
}

tests!(
    gpt, mbr, ext, fat, ntfs, exfat, f2fs, udf, hfsplus, packed, swap, xfs, btrfs, lvm, thin, md,
    recognize, header, manifest, index, image
);
