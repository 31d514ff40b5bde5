//! Hashing and compression of one chunk: by level, by length of the chunk, by kind of content.
//! Names a file or device to take content from, or takes this program's own bytes:
//! `CALCO_BENCH_SOURCE=/path cargo bench --bench codec`.
#![allow(missing_docs, unreachable_pub, reason = "criterion's macros make public functions")]

use calco::codec::{Compressor, Decompressor, Level, is_zero, sha256};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::io::Read as _;

/// Makes content of a length in bytes.
type Make = fn(usize) -> Vec<u8>;

const LENGTHS: [usize; 3] = [1 << 20, 2 << 20, 4 << 20];

fn content(length: usize) -> Vec<u8> {
    let path = std::env::var_os("CALCO_BENCH_SOURCE")
        .map_or_else(|| std::env::current_exe().expect("a program has a path"), Into::into);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).expect("the source can be opened");
    file.take(length as u64).read_to_end(&mut bytes).expect("the source can be read");
    assert_eq!(bytes.len(), length, "{} is too short", path.display());
    bytes
}

/// Bytes that cannot be compressed: a linear congruential generator's upper bytes.
fn incompressible(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn hash(criterion: &mut Criterion) {
    let bytes = content(LENGTHS[0]);
    let mut group = criterion.benchmark_group("hash");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("sha256", |bencher| bencher.iter(|| sha256(black_box(&bytes))));
    let zeros = vec![0; LENGTHS[0]];
    group.bench_function("is_zero", |bencher| bencher.iter(|| is_zero(black_box(&zeros))));
    group.finish();
}

fn compress(criterion: &mut Criterion) {
    let levels = [Level::Fast, Level::Number(1), Level::Number(2), Level::Number(3), Level::Auto];
    let kinds: [(&str, Make); 2] = [("content", content), ("random", incompressible)];
    for (kind, make) in kinds {
        let mut group = criterion.benchmark_group(format!("compress {kind}"));
        group.sample_size(20);
        for length in LENGTHS {
            let bytes = make(length);
            group.throughput(Throughput::Bytes(length as u64));
            for level in levels {
                let mut compressor = Compressor::new(level).expect("memory");
                let mut output = Vec::new();
                let name = format!("{level}, {} MiB", length >> 20);
                group.bench_function(name, |bencher| {
                    bencher.iter(|| compressor.compress(black_box(&bytes), &mut output));
                });
            }
        }
        group.finish();
    }
}

fn decompress(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decompress");
    for length in LENGTHS {
        let bytes = content(length);
        let mut stored = Vec::new();
        let encoding =
            Compressor::new(Level::Auto).unwrap().compress(&bytes, &mut stored).expect("zstd");
        let mut decoder = Decompressor::new().expect("memory");
        let mut plain = vec![0; length];
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(format!("auto, {} MiB", length >> 20), |bencher| {
            bencher.iter(|| assert!(decoder.decompress(encoding, &stored, &mut plain)));
        });
    }
    group.finish();
}

criterion_group!(benches, hash, compress, decompress);
criterion_main!(benches);
