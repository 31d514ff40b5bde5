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
