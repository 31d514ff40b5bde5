//! Images on a web server.

use crate::line::Line;
use crate::nginx::{Nginx, PASSWORD, can_serve};
use crate::support::command::{calco, calco_command, finish, text};
use crate::support::{MIB, disk};
use crate::unknown_disk;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Saves a disk of which nothing is known into the folder that the server shows.
fn saved(server: &Nginx, folder: &Path, mebibytes: u64) -> std::path::PathBuf {
    let source = unknown_disk(folder, mebibytes);
    let images = server.images();
    let split = ["--split", "16MiB"];
    let words = ["save", text(&source), "--to", text(&images), "--name", "año 1"];
    calco(&[&words[..], &split].concat()).expect(0);
    source
}

#[test]
fn an_image_on_a_web_server_is_restored() {
    if !can_serve() {
        return;
    }
    let server = Nginx::start();
    let folder = tempfile::tempdir().unwrap();
    let source = saved(&server, folder.path(), 40);
    let place = server.address("images");
    let image = format!("{place}/año 1");
    calco(&["verify", &image]).expect(0);
    calco(&["verify", &format!("{place}/a%C3%B1o%201")]).expect(0);
    let shown = calco(&["show", &image]).expect(0).stdout;
    assert!(shown.contains(&place), "{shown}");
    let target = folder.path().join("target.img");
    disk::garbage(&target, 40 * MIB, 8);
    calco(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
    disk::assert_same("the disk", &source, &target, 0, 40 * MIB);
    let here = folder.path().join("here");
    fs::create_dir(&here).unwrap();
    calco(&["copy", &image, "--to", text(&here)]).expect(0);
    calco(&["verify", &format!("{}/año 1", here.display())]).expect(0);

    // What a web server cannot do.
    let listed = calco(&["images", &place]).expect(1).stderr;
    assert!(listed.contains("Name the image"), "{listed}");
    let save = calco(&["save", text(&source), "--to", &place, "--name", "x"]).expect(1).stderr;
    assert!(save.contains("can only be read"), "{save}");
    let deleted = calco(&["delete", &image, "--yes"]).expect(1).stderr;
    assert!(deleted.contains("can only be read"), "{deleted}");
    assert!(server.images().join("año 1/manifest.json").exists());
    calco(&["verify", &format!("{place}/other")]).expect(1);

    // A flipped bit there is found from here.
    let packs = fs::read_dir(server.images().join("año 1")).unwrap();
    let pack = packs
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "pack"))
        .unwrap();
    let mut byte = disk::read(&pack, 1_000_000, 1);
    byte[0] ^= 1;
    disk::write(&pack, 1_000_000, &byte);
    calco(&["verify", &image]).expect(3);
}

#[test]
fn who_gets_in_and_whose_certificate_is_believed() {
    if !can_serve() {
        return;
    }
    let server = Nginx::start();
    let folder = tempfile::tempdir().unwrap();
    saved(&server, folder.path(), 4);
    let closed = format!("{}/año 1", server.address("closed"));
    let nobody = calco(&["verify", &closed]).expect(1).stderr;
    assert!(nobody.contains("401") && nobody.contains("--credentials"), "{nobody}");
    let file = folder.path().join("password");
    fs::write(&file, PASSWORD).unwrap();
    let let_in = closed.replace("http://", "http://ana@");
    calco(&["verify", &let_in, "--password-file", text(&file)]).expect(0);
    fs::write(&file, "wrong").unwrap();
    calco(&["verify", &let_in, "--password-file", text(&file)]).expect(1);

    let secure = format!("{}/año 1", server.secure_address("images"));
    let refused = calco(&["verify", &secure]).expect(5).stderr;
    assert!(refused.contains("certificate") && refused.contains("--ca-file"), "{refused}");
    calco(&["verify", &secure, "--ca-file", text(&server.path("authority.pem"))]).expect(0);
    calco(&["verify", &secure, "--ca-file", text(&file)]).expect(2);
}

#[test]
fn a_server_without_ranges_is_told_from_a_damaged_image() {
    if !can_serve() {
        return;
    }
    let server = Nginx::start();
    let folder = tempfile::tempdir().unwrap();
    saved(&server, folder.path(), 4);
    let image = format!("{}/año 1", server.address("whole"));
    let error = calco(&["verify", &image]).expect(1).stderr;
    assert!(error.contains("whole files only"), "{error}");
}

#[test]
fn a_web_server_that_goes_away_in_the_middle_is_waited_for() {
    if !can_serve() {
        return;
    }
    let server = Nginx::start();
    let line = Line::to(server.port);
    let folder = tempfile::tempdir().unwrap();
    let source = saved(&server, folder.path(), 200);
    let image = format!("http://127.0.0.1:{}/images/año 1", line.port);
    let target = folder.path().join("target.img");
    disk::blank(&target, 200 * MIB);
    let mut child = calco_command()
        .args(["restore", &image, "--to", text(&target), "--yes", "--no-precheck"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while line.carried() < 40 * MIB {
        assert!(begun.elapsed() < Duration::from_secs(120));
        assert_eq!(child.try_wait().unwrap(), None, "it ended before");
        std::thread::sleep(Duration::from_millis(2));
    }
    line.cut();
    std::thread::sleep(Duration::from_secs(2));
    line.mend();
    let restored = finish("restore", child).expect(0).stderr;
    assert!(restored.contains("is there again"), "{restored}");
    disk::assert_same("the disk", &source, &target, 0, 200 * MIB);
}
