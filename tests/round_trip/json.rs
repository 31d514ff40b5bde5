//! What programs read: every field of every document is in the documentation.

use crate::source::{save, small};
use crate::support::command::{calco, has_tools, text};
use crate::support::disk;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// Every field of a document. What comes from headers and manifests is described with the format.
fn fields(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                into.insert(name.clone());
                if name != "header" && name != "manifest" {
                    fields(value, into);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| fields(value, into)),
        _ => {}
    }
}

#[test]
fn every_field_is_documented() {
    if !has_tools(&["mke2fs", "mkfs.fat", "mkswap", "sfdisk"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let source = small(folder.path());
    let disk = text(&source.path);
    let store = path("store");
    let image = save(&[disk], &store, "image");
    let damaged = save(&[disk], &store, "damaged");
    fs::write(format!("{damaged}/about.html"), "no more").unwrap();
    fs::create_dir(path("second")).unwrap();
    let target = path("target");
    disk::garbage(&target, source.size, 3);
    let (store, target) = (text(&store), text(&target));
    let (second, kept) = (path("second"), path("kept"));
    let (second, kept) = (text(&second), text(&kept));

    let mut found = BTreeSet::new();
    let commands: [(&[&str], i32); 15] = [
        (&["disks"], 0),
        (&["map", disk], 0),
        (&["save", disk, "--to", store, "--dry-run"], 0),
        (&["save", disk, "--to", store, "--name", "third"], 0),
        (&["restore", &image, "--to", target, "--dry-run"], 0),
        (&["restore", &image, "--to", target, "--keep-old", kept, "--yes"], 0),
        (&["restore", &image, "--to", target, "--partitions", "1", "--dry-run"], 0),
        (&["restore", &image, "--to", "missing.img", "--yes"], 1),
        (&["verify", &image, &damaged], 3),
        (&["images", store], 0),
        (&["show", &image], 0),
        (&["copy", &image, "--to", second, "--dry-run"], 0),
        (&["copy", &image, "--to", second], 0),
        (&["delete", &image, "--yes"], 0),
        (&["prune", store, "--unfinished", "--yes"], 0),
    ];
    for (words, code) in commands {
        let output = calco(&[words, &["--json", "--progress", "json"]].concat()).expect(code);
        fields(&output.json(), &mut found);
        let lines = output.stderr.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.for_each(|line: Value| fields(&line, &mut found));
    }
    assert!(found.contains("seconds_left") && found.contains("used_bytes"), "{found:?}");
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/command-line.md");
    let page = fs::read_to_string(page).unwrap();
    let is_there = |name: &String| {
        let written =
            [format!("`{name}`"), format!("{name}[]`"), format!(".{name}`"), format!("\"{name}\"")];
        written.iter().any(|written| page.contains(written))
    };
    let missing: Vec<&String> = found.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "not in docs/command-line.md: {missing:?}");
}
