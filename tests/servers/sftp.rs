//! A folder reached through SSH.

use crate::sshd::{PASSWORD, Sshd, can_serve};
use crate::support::command::{Run, calco, calco_command, finish, text};
use crate::support::{MIB, disk};
use crate::unknown_disk;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Runs the program with what it needs to get in by key.
fn by_key(server: &Sshd, words: &[&str]) -> Run {
    let (key, fingerprint) = (server.path("key"), server.fingerprint());
    calco(&[words, &["--ssh-key", text(&key), "--host-key", &fingerprint]].concat())
}

#[test]
fn an_image_goes_to_a_server_and_comes_back() {
    if !can_serve() {
        return;
    }
    let server = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let source = unknown_disk(folder.path(), 40);
    let address = server.address();
    let image = format!("{address}/año 1");
    by_key(&server, &["save", text(&source), "--to", &address, "--name", "año 1"]).expect(0);
    let stored = server.images().join("año 1");
    assert!(stored.join("manifest.json").exists());
    // Nothing of the test write is left.
    assert_eq!(fs::read_dir(server.images()).unwrap().count(), 1);
    by_key(&server, &["verify", &image]).expect(0);
    let shown = by_key(&server, &["show", &image]).expect(0).stdout;
    assert!(shown.contains(&address), "{shown}");
    let listed = by_key(&server, &["images", &address, "--json"]).expect(0).json();
    assert_eq!(listed["images"][0]["condition"], "finished");

    let target = folder.path().join("target.img");
    disk::garbage(&target, 40 * MIB, 8);
    by_key(&server, &["restore", &image, "--to", text(&target), "--yes"]).expect(0);
    disk::assert_same("the disk", &source, &target, 0, 40 * MIB);

    // A copy here, and one of that back there under another name.
    let here = folder.path().join("here");
    fs::create_dir(&here).unwrap();
    by_key(&server, &["copy", &image, "--to", text(&here)]).expect(0);
    let copy = format!("{}/año 1", here.display());
    calco(&["verify", &copy]).expect(0);
    by_key(&server, &["delete", &image, "--yes"]).expect(0);
    assert_eq!(fs::read_dir(server.images()).unwrap().count(), 0);
    by_key(&server, &["copy", &copy, "--to", &address, "--name", "two"]).expect(0);
    by_key(&server, &["verify", &format!("{address}/two")]).expect(0);
    by_key(&server, &["copy", &copy, "--to", &address, "--name", "two"]).expect(0);

    // A flipped bit there is found from here.
    let pack =
        fs::read_dir(server.images().join("two")).unwrap().map(|entry| entry.unwrap().path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|e| e == "pack")).unwrap();
    let mut byte = disk::read(&pack, 1_000_000, 1);
    byte[0] ^= 1;
    disk::write(&pack, 1_000_000, &byte);
    by_key(&server, &["verify", &format!("{address}/two")]).expect(3);
}

#[test]
fn who_gets_in_and_who_does_not() {
    if !can_serve() {
        return;
    }
    let server = Sshd::start();
    let home = tempfile::tempdir().unwrap();
    let address = server.address();
    let run = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = calco_command();
        command.args(["images", &address]).args(words).env("HOME", home.path());
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        finish(&words.join(" "), child)
    };
    let fingerprint = server.fingerprint();
    let key = server.path("key");
    // A server that was never seen, and nobody to compare its key.
    let unknown = run(&["--ssh-key", text(&key)], &[]).expect(5).stderr;
    assert!(unknown.contains(&fingerprint) && unknown.contains("--host-key"), "{unknown}");
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let changed = run(&["--ssh-key", text(&key), "--host-key", other], &[]).expect(5).stderr;
    assert!(changed.contains("another key"), "{changed}");
    // Known hosts in OpenSSH's own file.
    fs::create_dir(home.path().join(".ssh")).unwrap();
    let known = home.path().join(".ssh/known_hosts");
    let public = fs::read_to_string(server.path("host.pub")).unwrap();
    let port = address.split(':').nth(2).unwrap().split('/').next().unwrap();
    fs::write(&known, format!("[127.0.0.1]:{port} {public}")).unwrap();
    run(&["--ssh-key", text(&key)], &[]).expect(0);
    // A server has several keys, and shows the one that is known.
    let second = fs::read_to_string(server.path("second-host.pub")).unwrap();
    fs::write(&known, format!("[127.0.0.1]:{port} {second}")).unwrap();
    run(&["--ssh-key", text(&key)], &[]).expect(0);
    let public = fs::read_to_string(server.path("key.pub")).unwrap();
    fs::write(&known, format!("[127.0.0.1]:{port} {public}")).unwrap();
    run(&["--ssh-key", text(&key)], &[]).expect(5);
    // A line that nobody understands hides none, and what is revoked is right nowhere.
    let host = fs::read_to_string(server.path("host.pub")).unwrap();
    let broken = format!("[127.0.0.1]:{port} ssh-ed25519 AAAA\n");
    fs::write(&known, format!("{broken}[127.0.0.*]:{port} {host}")).unwrap();
    run(&["--ssh-key", text(&key)], &[]).expect(0);
    fs::write(&known, format!("{broken}[127.0.0.1]:{port} {public}")).unwrap();
    let changed = run(&["--ssh-key", text(&key)], &[]).expect(5).stderr;
    assert!(changed.contains("another key"), "{changed}");
    fs::write(&known, format!("@revoked * {host}[127.0.0.1]:{port} {host}")).unwrap();
    let revoked = run(&["--ssh-key", text(&key)], &[]).expect(5).stderr;
    assert!(revoked.contains("revoked"), "{revoked}");
    fs::remove_file(&known).unwrap();

    let trusted = ["--host-key", fingerprint.as_str()];
    let nobody = run(&trusted, &[]).expect(5).stderr;
    assert!(nobody.contains("does not let root in"), "{nobody}");
    run(&trusted, &[("CALCO_PASSWORD", "wrong")]).expect(5);
    run(&trusted, &[("CALCO_PASSWORD", PASSWORD)]).expect(0);
    let file = home.path().join("password");
    fs::write(&file, format!("{PASSWORD}\nnot this\n")).unwrap();
    run(&[&trusted[..], &["--password-file", text(&file)]].concat(), &[]).expect(0);
    // A key with a passphrase.
    let locked = server.path("locked");
    let with_locked = [&trusted[..], &["--ssh-key", text(&locked)]].concat();
    let refused = run(&with_locked, &[]).expect(2).stderr;
    assert!(refused.contains("passphrase"), "{refused}");
    run(&with_locked, &[("CALCO_PASSPHRASE", "open sesame")]).expect(0);
    // All of it in one file.
    let server_of_address = address.split_inclusive('/').take(3).collect::<String>();
    let file = home.path().join("credentials");
    let lines = format!(
        "[{}]\nkey = {}\npassphrase = open sesame\nhost-key = {fingerprint}\n",
        server_of_address.trim_end_matches('/'),
        locked.display()
    );
    fs::write(&file, lines).unwrap();
    run(&["--credentials", text(&file)], &[]).expect(0);

    // A password in the address is refused and not repeated.
    let slip = calco(&["images", "sftp://root:hunter2@127.0.0.1/x"]).expect(2);
    assert!(!(slip.stdout + &slip.stderr).contains("hunter2"));
}

#[test]
fn what_is_wrong_with_a_server_is_said() {
    if !can_serve() {
        return;
    }
    let mut server = Sshd::start();
    let missing = format!("{}/missing", server.address());
    let said = by_key(&server, &["images", &missing]).expect(1).stderr;
    assert!(said.contains("missing"), "{said}");
    let file = server.images().join("file");
    fs::write(&file, "x").unwrap();
    by_key(&server, &["images", &format!("{}/file", server.address())]).expect(2);
    let address = server.address();
    server.go_away();
    let begun = Instant::now();
    let said = by_key(&server, &["images", &address]).expect(1).stderr;
    assert!(said.contains("no connection"), "{said}");
    let said = calco(&["images", "sftp://no-such-host.invalid/x"]).expect(1).stderr;
    assert!(said.contains("no-such-host.invalid"), "{said}");
    // One that was never there is not waited for.
    assert!(begun.elapsed() < Duration::from_secs(60));
}

/// Begins a save or restore, and waits until some of it is done.
fn begin(
    server: &Sshd,
    words: &[&str],
    more: &[&str],
    is_begun: &dyn Fn() -> bool,
) -> std::process::Child {
    let (key, fingerprint) = (server.path("key"), server.fingerprint());
    let mut child = calco_command()
        .args(words)
        .args(["--ssh-key", text(&key), "--host-key", &fingerprint])
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !is_begun() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not begin");
        assert_eq!(child.try_wait().unwrap(), None, "it ended before");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Bytes of the packs of an image on the server.
fn stored(server: &Sshd, name: &str) -> u64 {
    let Ok(entries) = fs::read_dir(server.images().join(name)) else { return 0 };
    let lengths = entries.flatten().filter_map(|entry| entry.metadata().ok());
    lengths.map(|metadata| metadata.len()).sum()
}

#[test]
fn a_server_that_goes_away_and_comes_back_is_waited_for() {
    if !can_serve() {
        return;
    }
    let mut server = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let source = unknown_disk(folder.path(), 300);
    let address = server.address();
    let words = ["save", text(&source), "--to", &address, "--name", "image", "--level", "none"];
    let begun = || stored(&server, "image") > 60 * MIB;
    let child = begin(&server, &words, &[], &begun);
    server.go_away();
    std::thread::sleep(Duration::from_secs(3));
    server.come_back();
    let saved = finish("save", child).expect(0).stderr;
    assert!(saved.contains("is there again"), "{saved}");
    let image = format!("{address}/image");
    by_key(&server, &["verify", &image]).expect(0);
    calco(&["verify", text(&server.images().join("image"))]).expect(0);

    let target = folder.path().join("target.img");
    disk::blank(&target, 300 * MIB);
    let written = || {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(&target).unwrap().blocks() * 512 > 40 * MIB
    };
    let words = ["restore", &image, "--to", text(&target), "--yes", "--no-precheck"];
    let child = begin(&server, &words, &[], &written);
    server.go_away();
    std::thread::sleep(Duration::from_secs(3));
    server.come_back();
    let restored = finish("restore", child).expect(0).stderr;
    assert!(restored.contains("is there again"), "{restored}");
    disk::assert_same("the disk", &source, &target, 0, 300 * MIB);
}

#[test]
fn a_server_that_is_gone_for_good_ends_the_run_and_leaves_an_unfinished_image() {
    if !can_serve() {
        return;
    }
    let mut server = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let source = unknown_disk(folder.path(), 300);
    let address = server.address();
    let words = ["save", text(&source), "--to", &address, "--name", "image", "--level", "none"];
    let child = begin(&server, &words, &["--wait", "0"], &|| stored(&server, "image") > 40 * MIB);
    server.go_away();
    let begun = Instant::now();
    finish("save", child).expect(1);
    assert!(begun.elapsed() < Duration::from_secs(100));
    server.come_back();
    let listed = by_key(&server, &["images", &address, "--json"]).expect(0).json();
    assert_eq!(listed["images"][0]["condition"], "unfinished");
    by_key(&server, &["prune", &address, "--unfinished", "--yes"]).expect(0);
    by_key(&server, &["save", text(&source), "--to", &address, "--name", "image"]).expect(0);
}

#[test]
fn secrets_are_nowhere() {
    if !can_serve() {
        return;
    }
    let server = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let source = unknown_disk(folder.path(), 200);
    let file = folder.path().join("password");
    fs::write(&file, PASSWORD).unwrap();
    let (address, fingerprint) = (server.address(), server.fingerprint());
    let mut child = calco_command()
        .args(["save", text(&source), "--to", &address, "--name", "image", "--level", "none"])
        .args(["--password-file", text(&file), "--host-key", &fingerprint])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while stored(&server, "image") < MIB {
        assert!(begun.elapsed() < Duration::from_secs(60));
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::sleep(Duration::from_millis(5));
    }
    for kind in ["cmdline", "environ"] {
        let shown = fs::read(format!("/proc/{}/{kind}", child.id())).unwrap();
        assert!(!String::from_utf8_lossy(&shown).contains(PASSWORD), "{kind}");
    }
    let run = finish("save", child).expect(0);
    assert!(!(run.stdout + &run.stderr).contains(PASSWORD));
    for entry in fs::read_dir(server.images().join("image")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pack") {
            let content = fs::read(&path).unwrap();
            assert!(!String::from_utf8_lossy(&content).contains(PASSWORD), "{}", path.display());
        }
    }
}
