//! An image copied to a second destination, and what is known of copies.

use crate::source::{save, small};
use crate::support::command::{calco, has_tools, text, tool};
use crate::support::disk;
use std::fs;

#[test]
fn an_image_is_copied_and_its_copy_restored() {
    if !has_tools(&["mke2fs", "mkfs.fat", "mkswap", "sfdisk"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let source = small(folder.path());
    let image = save(&[text(&source.path)], &path("first"), "año 1");
    let second = path("second folder");
    fs::create_dir(&second).unwrap();

    let planned = calco(&["copy", &image, "--to", text(&second), "--dry-run"]).expect(0);
    assert!(planned.stdout.contains("second folder/año 1"), "{}", planned.stdout);
    assert_eq!(fs::read_dir(&second).unwrap().count(), 0);
    let copied = calco(&["copy", &image, "--to", text(&second)]).expect(0);
    assert!(copied.stdout.contains("Copied and verified"), "{}", copied.stdout);
    let copy = format!("{}/año 1", second.display());
    tool("diff", &["--recursive", image.as_str(), copy.as_str()]);
    tool("sh", &["-c", "cd \"$1\" && sha256sum --check --quiet SHA256SUMS", "sh", copy.as_str()]);
    calco(&["verify", &copy]).expect(0);
    let again = calco(&["copy", &image, "--to", text(&second), "--json"]).expect(0).json();
    assert_eq!(again["was_there"], true);
    // By another name as well, it is where it is.
    let words = ["copy", &image, "--to", text(&second), "--name", "other"];
    let other = calco(&words).expect(0).stdout;
    assert!(other.contains("second folder/año 1") && !other.contains("other"), "{other}");

    let both = [text(&path("first")), text(&second)].map(str::to_owned);
    let listed = calco(&["images", &both[0], &both[1], "--json"]).expect(0).json();
    let images = listed["images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    assert_eq!(images[0]["copies"][0], copy.as_str());
    assert_eq!(images[1]["copies"][0], image.as_str());
    let listed = calco(&["images", &both[0], &both[1], "--lang", "es"]).expect(0).stdout;
    assert!(listed.contains("Copias"), "{listed}");

    fs::remove_dir_all(path("first")).unwrap();
    let target = path("target");
    disk::garbage(&target, source.size, 3);
    calco(&["restore", &copy, "--to", text(&target), "--yes"]).expect(0);
    source.assert_volumes(&target);
}

#[test]
fn copies_are_refused_where_they_cannot_be() {
    if !has_tools(&["mke2fs", "mkfs.fat", "mkswap", "sfdisk"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let source = small(folder.path());
    let image = save(&[text(&source.path)], &path("first"), "image");
    disk::write(&source.path, 3 << 20, b"changed");
    save(&[text(&source.path)], &path("second"), "image");
    let taken = calco(&["copy", &image, "--to", text(&path("second"))]).expect(5);
    assert!(taken.stderr.contains("--name"), "{}", taken.stderr);
    calco(&["copy", &image, "--to", text(&path("nowhere"))]).expect(1);
    calco(&["copy", text(&path("first/none")), "--to", text(&path("second"))]).expect(1);
    calco(&["copy", &image, "--to", text(&path("second")), "--name", "a/b"]).expect(2);
    calco(&["copy", &image]).expect(2);
}
