//! Object storage through the S3 interface.

use crate::line::Line;
use crate::moto::{BUCKET, Moto, SECRET, can_serve};
use crate::support::command::{Run, calco_command, finish, text};
use crate::support::{MIB, disk};
use crate::unknown_disk;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

fn begin(words: &[&str]) -> Child {
    calco_command()
        .args(words)
        .env("AWS_ACCESS_KEY_ID", "AKTEST")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn run(words: &[&str]) -> Run {
    let run = finish(&words.join(" "), begin(words));
    // Neither the secret nor what is made of it is anybody's to see.
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(SECRET) && !text.contains("X-Amz-Signature"), "{text}");
    }
    run
}

#[test]
fn an_image_goes_to_object_storage_and_comes_back() {
    if !can_serve() {
        return;
    }
    let server = Moto::start();
    let folder = tempfile::tempdir().unwrap();
    // Parts of several lengths: the pack is cut, and its last piece is shorter.
    let source = unknown_disk(folder.path(), 45);
    let address = Moto::address(server.port, "lab/disks");
    let image = format!("{address}/año 1");
    run(&["save", text(&source), "--to", &address, "--name", "año 1"]).expect(0);
    run(&["verify", &image]).expect(0);
    let shown = run(&["show", &image]).expect(0).stdout;
    assert!(shown.contains("s3://images/lab/disks"), "{shown}");
    let listed = run(&["images", &address, "--json"]).expect(0).json();
    assert_eq!(listed["images"][0]["condition"], "finished");
    run(&["save", text(&source), "--to", &address, "--name", "año 1"]).expect(5);

    let target = folder.path().join("target.img");
    disk::garbage(&target, 45 * MIB, 8);
    run(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
    disk::assert_same("the disk", &source, &target, 0, 45 * MIB);

    let here = folder.path().join("here");
    fs::create_dir(&here).unwrap();
    run(&["copy", &image, "--to", text(&here)]).expect(0);
    let copy = format!("{}/año 1", here.display());
    run(&["verify", &copy]).expect(0);
    // Only what makes an image is in the copy.
    assert!(!here.join("año 1/.calco").exists());
    run(&["delete", &image, "--yes"]).expect(0);
    let listed = run(&["images", &address, "--json"]).expect(0).json();
    assert_eq!(listed["images"].as_array().unwrap().len(), 0);
    let left = server.ask("GET", &format!("{BUCKET}?list-type=2"));
    assert!(!left.contains("<Contents>"), "{left}");
    run(&["copy", &copy, "--to", &address, "--name", "two"]).expect(0);
    run(&["verify", &format!("{address}/two")]).expect(0);
    run(&["copy", &copy, "--to", &address, "--name", "two"]).expect(0);
    // No upload in parts is left open.
    let open = server.ask("GET", &format!("{BUCKET}?uploads"));
    assert!(!open.contains("<UploadId>"), "{open}");
}

#[test]
fn what_is_wrong_with_object_storage_is_said() {
    if !can_serve() {
        return;
    }
    let server = Moto::start();
    let port = server.port;
    let elsewhere = format!("s3://nowhere/x?endpoint=http://127.0.0.1:{port}");
    let missing = run(&["images", &elsewhere]).expect(1).stderr;
    assert!(missing.contains("NoSuchBucket") && missing.contains("makes no buckets"), "{missing}");
    let nobody = format!("s3://{BUCKET}/x?endpoint=http://127.0.0.1:9");
    let refused = run(&["images", &nobody, "--wait", "0"]).expect(1).stderr;
    assert!(refused.contains("refused"), "{refused}");
    let unknown = format!("s3://{BUCKET}/x?endpoint=http://no-such-host.invalid");
    let unknown = run(&["images", &unknown, "--wait", "0"]).expect(1).stderr;
    assert!(unknown.contains("name is not known"), "{unknown}");
    let none = format!("{}/nothing", Moto::address(port, "x"));
    run(&["verify", &none]).expect(1);
    let run = finish(
        "images",
        calco_command()
            .args(["images", &Moto::address(port, "x")])
            .env("AWS_ACCESS_KEY_ID", "AKTEST")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let run = run.expect(2);
    assert!(run.stderr.contains("secret key is missing"), "{}", run.stderr);
    let wrong = calco_command()
        .args(["images", &Moto::address(port, "x")])
        .env("AWS_ACCESS_KEY_ID", "AKTEST")
        .env("AWS_SECRET_ACCESS_KEY", "not the one")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let wrong = finish("images", wrong).expect(1).stderr;
    assert!(wrong.contains("SignatureDoesNotMatch") && !wrong.contains("not the one"), "{wrong}");
}

/// Waits until so much went over the line while the program runs.
fn until_carried(line: &Line, child: &mut Child, bytes: u64) {
    let begun = Instant::now();
    let before = line.carried();
    while line.carried() < before + bytes {
        assert!(begun.elapsed() < Duration::from_secs(120));
        assert_eq!(child.try_wait().unwrap(), None, "it ended before");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_line_to_object_storage_that_is_cut_and_mended_is_waited_for() {
    if !can_serve() {
        return;
    }
    let server = Moto::start();
    let line = Line::to(server.port);
    let folder = tempfile::tempdir().unwrap();
    let source = unknown_disk(folder.path(), 200);
    let address = Moto::address(line.port, "lab");
    let image = format!("{address}/image");
    let words = ["save", text(&source), "--to", &address, "--name", "image", "--level", "none"];
    let mut child = begin(&words);
    until_carried(&line, &mut child, 50 * MIB);
    line.cut();
    std::thread::sleep(Duration::from_secs(2));
    line.mend();
    let saved = finish("save", child).expect(0).stderr;
    assert!(saved.contains("is there again"), "{saved}");
    run(&["verify", &image]).expect(0);

    let target = folder.path().join("target.img");
    disk::blank(&target, 200 * MIB);
    let words = ["restore", &image, "--to", text(&target), "--yes", "--no-precheck"];
    let mut child = begin(&words);
    until_carried(&line, &mut child, 50 * MIB);
    line.cut();
    std::thread::sleep(Duration::from_secs(2));
    line.mend();
    let restored = finish("restore", child).expect(0).stderr;
    assert!(restored.contains("is there again"), "{restored}");
    disk::assert_same("the disk", &source, &target, 0, 200 * MIB);
}

#[test]
fn object_storage_that_is_gone_for_good_ends_the_run() {
    if !can_serve() {
        return;
    }
    let server = Moto::start();
    let line = Line::to(server.port);
    let folder = tempfile::tempdir().unwrap();
    let source = unknown_disk(folder.path(), 200);
    let address = Moto::address(line.port, "lab");
    let words = [
        "save",
        text(&source),
        "--to",
        &address,
        "--name",
        "image",
        "--level",
        "none",
        "--wait",
        "0",
    ];
    let mut child = begin(&words);
    until_carried(&line, &mut child, 50 * MIB);
    line.cut();
    finish("save", child).expect(1);
    line.mend();
    let listed = run(&["images", &address, "--json"]).expect(0).json();
    assert_eq!(listed["images"][0]["condition"], "unfinished");
    run(&["prune", &address, "--unfinished", "--yes"]).expect(0);
    run(&["save", text(&source), "--to", &address, "--name", "image"]).expect(0);
}
