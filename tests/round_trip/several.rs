//! Several disks in one image.

use crate::source::{maps, save, small, swap};
use crate::support::command::{calco, has_tools, text};
use crate::support::{MIB, disk};
use std::fs;

#[test]
fn two_disks_in_one_image_go_where_their_names_say() {
    if !has_tools(&["mke2fs", "debugfs", "mkfs.fat", "mcopy", "mkswap", "sfdisk", "wipefs"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = small(folder.path());
    let second = folder.path().join("second.img");
    swap(&second, 20);
    let store = folder.path().join("store");
    let image = save(&[text(&first.path), text(&second)], &store, "both");
    calco(&["verify", &image]).expect(0);
    let map = maps(&image);
    assert_eq!(map, [maps(text(&first.path)), maps(text(&second))].concat());

    let x = folder.path().join("x");
    let y = folder.path().join("y=1");
    disk::garbage(&x, first.size, 20);
    disk::garbage(&y, 20 * MIB, 21);
    let (to_x, to_y) = (text(&x), text(&y));
    let (named_x, named_y) = (format!("small.img={to_x}"), format!("second.img={to_y}"));
    let restore = |targets: &[&str]| {
        let mut words = vec!["restore", &image, "--yes"];
        for target in targets {
            words.extend(["--to", target]);
        }
        calco(&words)
    };
    // Which disk is meant must be said, rightly, and once.
    restore(&[to_x]).expect(2);
    restore(&[to_x, to_y]).expect(2);
    restore(&[&format!("third.img={to_x}"), &named_y]).expect(2);
    restore(&[&named_x, &format!("small.img={to_y}")]).expect(2);
    restore(&[&named_x, &format!("second.img={to_x}")]).expect(2);
    // One too small: neither is touched.
    restore(&[&format!("second.img={to_x}"), &format!("small.img={to_y}")]).expect(5);
    let untouched = folder.path().join("untouched");
    disk::garbage(&untouched, first.size, 20);
    disk::assert_same("a refused target", &untouched, &x, 0, first.size);
    disk::garbage(&untouched, 20 * MIB, 21);
    disk::assert_same("a refused target", &untouched, &y, 0, 20 * MIB);

    restore(&[&named_x, &named_y]).expect(0);
    first.assert_outside_same(&x);
    first.assert_volumes(&x);
    first.assert_used_same(&map[0], &x);
    disk::assert_same("swap", &second, &y, 0, 4096);
    assert_eq!(maps(to_y), maps(text(&second)));

    // One of them alone.
    fs::remove_file(&x).unwrap();
    disk::garbage(&y, 20 * MIB, 22);
    restore(&[&named_y]).expect(0);
    disk::assert_same("swap", &second, &y, 0, 4096);
}

#[test]
fn partitions_of_several_disks_have_their_places() {
    if !has_tools(&["mke2fs", "debugfs", "mkfs.fat", "mcopy", "mkswap", "sfdisk", "wipefs"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = small(folder.path());
    // Names may hold the signs that stand behind them.
    let second = folder.path().join("b=1:x.img");
    fs::copy(&first.path, &second).unwrap();
    let store = folder.path().join("store");
    fs::create_dir(&store).unwrap();
    let (one, other) = (text(&first.path), text(&second));
    let words = ["save", one, other, "--partitions", "small.img:2,4", "--to", text(&store)];
    calco(&[&words[..], &["--name", "two of them"]].concat()).expect(0);
    let image = format!("{}/two of them", store.display());
    let page = fs::read_to_string(format!("{image}/about.html")).unwrap();
    let command = "calco restore 'two of them' --partitions small.img:2,4 --to small.img=DISK --to b=1:x.img=DISK";
    assert!(page.contains(command), "{page}");

    let target = folder.path().join("target.img");
    disk::garbage(&target, first.size, 23);
    let part = folder.path().join("part.img");
    disk::garbage(&part, 16 * MIB, 24);
    let plan = |words: &[&str], code: i32| {
        let all = [&["restore", image.as_str(), "--dry-run", "--json"], words].concat();
        let run = calco(&all).expect(code);
        if code == 0 { run.json()["targets"].clone() } else { serde_json::Value::Null }
    };
    let to = format!("b=1:x.img={}", text(&target));
    let whole = plan(&["--to", &to], 0);
    assert_eq!(
        (&whole[0]["disk"], &whole[0]["partitions"]),
        (&"b=1:x.img".into(), &serde_json::Value::Null)
    );
    let place = format!("b=1:x.img:2={}", text(&part));
    let placed = plan(&["--place", &place], 0);
    assert_eq!(placed[0]["disk"], "b=1:x.img");
    assert_eq!(placed[0]["partitions"][0]["from"], 2);
    let place = format!("small.img:2={}", text(&part));
    assert_eq!(plan(&["--place", &place], 0)[0]["disk"], "small.img");
    // Which disk is not said, one place for two, and a target that gets nothing.
    plan(&["--place", &format!("2={}", text(&part))], 2);
    plan(&["--place", &place, "--place", &place], 2);
    plan(&["--place", &format!("b=1:x.img:2={}", text(&part)), "--to", &to], 2);
}
