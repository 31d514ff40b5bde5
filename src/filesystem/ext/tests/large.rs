//! Large file systems on sparse files: bounded time, and the same answer as `dumpe2fs`.

use super::fixture::Fixture;
use crate::block::{BlockSource, check_range};
use crate::error::{Context, Result};
use crate::filesystem::Budget;
use crate::filesystem::ext::used;
use crate::text::message;
use crate::units::{Extent, ExtentMap, GIB};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

/// A plain file, without a copy in memory.
struct FileSource {
    file: File,
    size: u64,
}

impl BlockSource for FileSource {
    fn size(&self) -> u64 {
        self.size
    }
    fn name(&self) -> String {
        "file".into()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size, offset, buffer.len() as u64)?;
        self.file.read_exact_at(buffer, offset).context(|| message!("error-interrupted"))
    }
}

fn open(fixture: &Fixture) -> FileSource {
    let file = File::open(&fixture.image).unwrap();
    let size = file.metadata().unwrap().len();
    FileSource { file, size }
}

fn check(fixture: &Fixture) {
    let source = open(fixture);
    let start = Instant::now();
    let answer = used(&source, Budget::default()).unwrap_or_else(|doubt| panic!("{doubt}"));
    println!(
        "{} bytes: {} extents, {} bytes used, {:?}",
        source.size,
        answer.extents.len(),
        answer.extents.total_bytes(),
        start.elapsed()
    );
    let all = ExtentMap::whole(Extent::new(0, source.size));
    assert_eq!(answer.extents, all.difference(&fixture.free()));
}

const FEATURES: &str = "none,ext_attr,dir_index,filetype,extent,64bit,flex_bg,large_file,\
    huge_file,dir_nlink,extra_isize,metadata_csum,sparse_super2";

#[test]
fn one_tebibyte() {
    let arguments = ["-b", "4096", "-O", FEATURES, "-E", "num_backup_sb=0,lazy_itable_init=1"];
    check(&Fixture::empty(&arguments, 1024 * GIB, None));
}

/// Beyond 2^32 blocks: the upper halves of all numbers are in use.
#[test]
fn twenty_tebibytes() {
    let arguments = [
        "-b",
        "4096",
        "-i",
        "67108864",
        "-O",
        FEATURES,
        "-E",
        "num_backup_sb=1,lazy_itable_init=1",
    ];
    check(&Fixture::empty(&arguments, 20 * 1024 * GIB, None));
}
