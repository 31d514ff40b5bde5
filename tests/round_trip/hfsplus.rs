//! HFS+ and HFSX: saved whole unless asked otherwise, and then all files come back.

use crate::partclone::used_by_partclone;
use crate::source::{maps, save};
use crate::support::command::{calco, has_tools, text};
use crate::support::disk;
use crate::support::hfsplus::{Journal, Plan, files, make};
use serde_json::Value;
use std::fs;

#[test]
fn files_come_back_when_the_reader_is_believed() {
    let has_partclone = has_tools(&["partclone.hfsp"]);
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let plan = Plan { files: 200, blocks: 4500, file_pieces: 200, ..Plan::default() };
    let plans = [
        ("plain", Plan { journal: Journal::None, ..plan.clone() }),
        ("journaled", Plan { special_pieces: 10, ..plan.clone() }),
        ("case-sensitive", Plan { case_sensitive: true, behind: 1536, ..plan.clone() }),
        ("small-blocks", Plan { block_size: 512, blocks: 20000, ..plan.clone() }),
        (
            "large-blocks",
            Plan { block_size: 65536, blocks: 700, files: 40, file_pieces: 30, ..plan },
        ),
    ];
    for (name, plan) in plans {
        let made = make(&plan);
        let path = folder.path().join(name);
        fs::write(&path, &made.bytes).unwrap();
        let size = made.bytes.len() as u64;

        // Without the option all of it is saved, and the reason names the option.
        let document = calco(&["map", text(&path), "--json"]).expect(0).json();
        let volume = &document["disks"][0]["volumes"][0];
        assert_eq!(
            (&volume["whole"], volume["used_bytes"].as_u64()),
            (&Value::from(true), Some(size))
        );
        assert!(volume["note"].as_str().unwrap().contains("--unproven"), "{volume}");
        let whole = save(&[text(&path)], &store, &format!("{name}-whole"));
        assert_eq!(maps(&whole)[0]["volumes"][0]["whole"], true);

        let image = save(&[text(&path), "--unproven"], &store, name);
        let map = maps(&image);
        let saved = map[0]["volumes"][0]["used_bytes"].as_u64().unwrap();
        assert_eq!(map[0]["volumes"][0]["whole"], false, "{name}");
        assert!(saved < size * 3 / 4, "{name}: {saved} of {size}");
        let document = calco(&["map", text(&path), "--unproven", "--json"]).expect(0).json();
        assert_eq!(document["disks"][0]["extents"], map[0]["extents"], "{name}");

        let target = folder.path().join("target");
        disk::garbage(&target, size, 4);
        calco(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
        let restored = fs::read(&target).unwrap();
        assert!(restored != made.bytes, "{name}: free space was restored too");
        assert_eq!(files(&restored), made.files, "{name}");
        if has_partclone {
            let (block, used) = used_by_partclone("partclone.hfsp", &path, folder.path());
            assert!(used.len() > 20, "{name}: {} blocks used", used.len());
            for number in &used {
                disk::assert_same(name, &path, &target, number * block, block);
            }
            let theirs = used.len() as u64 * block;
            assert!(saved <= theirs + 2 * size / plan.blocks as u64, "{name}: {saved} saved");
        }
        fs::remove_file(&path).unwrap();
    }
}
