//! The whole of a save, from a disk in memory to a store in memory: what is left when neither
//! limits. The content is as in `codec.rs`, with a tenth of zeros.
#![allow(missing_docs, unreachable_pub, reason = "criterion's macros make public functions")]

use calco::block::memory::MemoryDisk;
use calco::codec::Level;
use calco::image::DiskIdentity;
use calco::operation::save::{self, SaveOptions, SaveSource};
use calco::operation::survey::Choice;
use calco::report::Silent;
use calco::store::MemoryStore;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::io::Read as _;
use std::sync::Arc;

const LENGTH: u64 = 128 << 20;

fn disk() -> Arc<MemoryDisk> {
    let path = std::env::var_os("CALCO_BENCH_SOURCE")
        .map_or_else(|| std::env::current_exe().expect("a program has a path"), Into::into);
    let mut piece = Vec::new();
    let file = std::fs::File::open(&path).expect("the source can be opened");
    file.take(LENGTH).read_to_end(&mut piece).expect("the source can be read");
    let mut bytes = Vec::with_capacity(LENGTH as usize);
    // A short source repeats, each time changed, so that no chunk is met twice.
    for turn in 0u8.. {
        let room = LENGTH as usize - bytes.len();
        bytes.extend(piece.iter().take(room).map(|byte| byte.wrapping_add(turn)));
        if bytes.len() == LENGTH as usize {
            break;
        }
    }
    bytes[..LENGTH as usize / 10].fill(0);
    Arc::new(MemoryDisk::new(bytes))
}

fn save(criterion: &mut Criterion) {
    let disk = disk();
    let mut group = criterion.benchmark_group("save");
    group.throughput(Throughput::Bytes(LENGTH));
    group.sample_size(10);
    for level in [Level::None, Level::Fast, Level::Auto, Level::Number(3)] {
        for chunk_size in [1u32 << 20, 2 << 20, 4 << 20] {
            for verify in [false, true] {
                let then = if verify { ", verified" } else { "" };
                let name = format!("{level}, {} MiB{then}", chunk_size >> 20);
                let plan = || {
                    let source = SaveSource {
                        disk: disk.clone(),
                        identity: DiskIdentity { name: "memory".into(), ..Default::default() },
                        physical_sector_size: None,
                        choice: Choice { raw: true, ..Choice::default() },
                    };
                    let options = SaveOptions {
                        name: Some("bench".into()),
                        level,
                        verify,
                        chunk_size,
                        ..SaveOptions::default()
                    };
                    let store = Arc::new(MemoryStore::default());
                    save::plan(vec![source], store, options, &Silent).expect("a plan")
                };
                group.bench_function(name, |bencher| {
                    bencher.iter_batched(
                        plan,
                        |plan| plan.execute(&Silent).expect("an image"),
                        BatchSize::PerIteration,
                    );
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, save);
criterion_main!(benches);
