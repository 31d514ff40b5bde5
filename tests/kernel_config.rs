//! `kernel-config/check` finds what a kernel lacks, and the fragments are in order.

use std::path::Path;
use std::process::{Command, Output};

fn check(config: &str) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("kernel-config/check"))
        .arg(file.path())
        .output()
        .unwrap()
}

/// The configuration of a kernel that has everything, as its only fault `value` for `option`.
fn complete_but(option: &str, value: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernel-config");
    let mut config = String::from("#\n# Automatically generated file; DO NOT EDIT.\n#\n");
    let mut found = false;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "config") {
            continue;
        }
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let Some(name) = line.strip_suffix("=y") else { continue };
            if name == option {
                found = true;
                config += value;
                config += "\n";
            } else {
                config += &format!("{name}=m\n");
            }
        }
    }
    assert!(found, "{option} is in a fragment");
    config
}

#[test]
fn a_module_is_as_good_as_a_part_of_the_kernel() {
    let output = check(&complete_but("CONFIG_BLK_DEV_NVME", "CONFIG_BLK_DEV_NVME=y"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with(" options checked, 0 missing\n"), "{text}");
}

#[test]
fn a_missing_option_is_named_with_what_needs_it() {
    for value in ["# CONFIG_NTFS3_FS is not set", "", "CONFIG_NTFS3_FS=n", "#CONFIG_NTFS3_FS=y"] {
        let output = check(&complete_but("CONFIG_NTFS3_FS", value));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{value}: {text}");
        let first = text.lines().next().unwrap();
        assert!(first.starts_with("CONFIG_NTFS3_FS is missing: NTFS, for writing"), "{text}");
        assert!(text.ends_with(", 1 missing\n"), "{text}");
    }
}
