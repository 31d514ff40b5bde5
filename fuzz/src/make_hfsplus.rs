//! `make-hfsplus NAME FILE`: writes a small HFS+ volume, since Debian has no program that makes one.

#[path = "../../tests/support/hfsplus.rs"]
mod generator;

use generator::{Journal, Plan, make};

/// The volumes by their names.
fn plan(name: &str) -> Option<Plan> {
    let plan = Plan { noise: false, files: 12, spare_nodes: 1, ..Plan::default() };
    Some(match name {
        "journaled" => Plan { blocks: 512, ..plan },
        "blocks-512" => Plan {
            block_size: 512,
            blocks: 2048,
            journal: Journal::None,
            special_pieces: 9,
            file_pieces: 40,
            ..plan
        },
        "case-sensitive" => Plan {
            blocks: 512,
            case_sensitive: true,
            journal: Journal::LittleEndian,
            behind: 2560,
            ..plan
        },
        "map-nodes" => Plan { block_size: 1024, blocks: 6000, spare_nodes: 250, ..plan },
        _ => return None,
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let plan = arguments.next().as_deref().and_then(plan);
    let (Some(plan), Some(file)) = (plan, arguments.next()) else {
        return Err("usage: make-hfsplus NAME FILE".into());
    };
    Ok(std::fs::write(file, make(&plan).bytes)?)
}
