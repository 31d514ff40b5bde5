//! Names of images: what people call them, and the directories they lie in.

use crate::error::{Error, ErrorKind, Result};
use crate::image::{ImageId, System};
use crate::text::message;

/// Between the name and the image id in the directory of an image whose name was taken.
pub const SEPARATOR: char = '~';
/// Longest name, in bytes: leaves room for the id on every file system.
const MAX_LENGTH: usize = 120;

/// What no file system that people carry around takes in a name (FAT and NTFS are the strictest).
fn is_forbidden(c: char) -> bool {
    c.is_control() || "<>:\"/\\|?*".contains(c) || c == SEPARATOR
}

/// What Windows keeps for devices, whatever follows the first dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let numbered = |port: &str| {
        stem.strip_prefix(port).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// Refuses a name that cannot be a directory everywhere.
///
/// # Errors
/// [`ErrorKind::Usage`].
pub fn check(name: &str) -> Result<()> {
    let sound = !name.is_empty()
        && name.len() <= MAX_LENGTH
        && !name.starts_with(['.', ' ', '-'])
        && !name.ends_with(['.', ' '])
        && !name.contains(is_forbidden)
        && !is_device(name);
    if sound {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Usage, message!("name-unusable", name = name.to_owned()))
        .advise(message!("name-unusable-advice", length = MAX_LENGTH)))
}

/// A name out of what was found: host name (or product), date, system.
pub fn default_name(system: Option<&System>, product: Option<&str>, now: &str) -> String {
    let host = system.and_then(|system| system.host_name.as_deref()).or(product).unwrap_or("disk");
    let date = now.get(..10).unwrap_or(now);
    let parts = [Some(host), Some(date), system.and_then(|system| system.name.as_deref())];
    let words: Vec<String> = parts.into_iter().flatten().map(cleaned).collect();
    let mut name = words.join("-");
    while name.len() > MAX_LENGTH {
        name.pop();
    }
    let name = name.trim_end_matches(['.', '-']);
    if is_device(name) { format!("disk-{name}") } else { name.to_owned() }
}

fn cleaned(text: &str) -> String {
    let mut word = String::new();
    for c in text.trim().chars() {
        if c.is_alphanumeric() || c == '.' || c == '_' {
            word.push(c);
        } else if !word.ends_with('-') && !word.is_empty() {
            word.push('-');
        }
    }
    let word = word.trim_matches(['-', '.']);
    if word.is_empty() { "disk".to_owned() } else { word.to_owned() }
}

/// The directory for an image whose plain name is taken.
pub fn directory_beside(name: &str, id: &ImageId) -> String {
    format!("{name}{SEPARATOR}{}", id.short())
}

/// The name that a directory was made for.
pub fn name_of_directory(directory: &str) -> &str {
    directory.split_once(SEPARATOR).map_or(directory, |(name, _)| name)
}

/// A name made of `name` and what tells it from others, cut so that it stays usable.
pub fn with_suffix(name: &str, suffix: &str) -> String {
    let mut stem = name;
    while stem.len() + 1 + suffix.len() > MAX_LENGTH {
        let mut characters = stem.chars();
        characters.next_back();
        stem = characters.as_str();
    }
    format!("{stem}-{suffix}")
}

/// Longest suffix that [`with_suffix`] is used with, in bytes: eight digits of an identity.
const MAX_SUFFIX: usize = 8;

/// Whether the image in `directory` may have `name`: an image keeps the directory that was made
/// for its first name when it has to take another one at its end.
pub fn may_hold(directory: &str, name: &str) -> bool {
    let first = name_of_directory(directory);
    let is_suffix = |text: &str| {
        (1..=MAX_SUFFIX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let stem = name.rsplit_once('-').filter(|(_, suffix)| is_suffix(suffix));
    first == name
        || stem.is_some_and(|(stem, _)| {
            first == stem || (name.len() + 4 > MAX_LENGTH && first.starts_with(stem))
        })
}

/// What an image is called: `name` as its manifest says, unless somebody gave its directory
/// another name; then that.
pub fn called<'a>(directory: &'a str, name: &'a str) -> &'a str {
    if may_hold(directory, name) { name } else { directory }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_names_are_always_usable() {
        let system = |host: Option<&str>, name: Option<&str>| System {
            host_name: host.map(Into::into),
            name: name.map(Into::into),
        };
        let now = "2026-01-02T03:04:05Z";
        let linux = system(Some("oficina"), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(
            default_name(Some(&linux), None, now),
            "oficina-2026-01-02-Debian-GNU-Linux-12-bookworm"
        );
        assert_eq!(default_name(None, Some("Latitude 5400"), now), "Latitude-5400-2026-01-02");
        for odd in ["", "///", "..", "a\u{0}b", &"ñ".repeat(300), "-x", "~"] {
            let system = system(Some(odd), Some(odd));
            check(&default_name(Some(&system), Some(odd), now)).unwrap();
        }
    }

    #[test]
    fn other_names_are_usable_and_found_again() {
        let long = "ñ".repeat(60);
        for name in ["office", "a-2", long.as_str()] {
            for suffix in ["2", "17", "12abcdef"] {
                let other = with_suffix(name, suffix);
                check(&other).unwrap();
                assert!(may_hold(name, &other), "{other}");
                assert!(may_hold(&format!("{name}~12345678"), &other), "{other}");
            }
        }
        assert_eq!(called("office~12345678", "office"), "office");
        assert_eq!(called("office", "office-2"), "office-2");
        assert_eq!(called("office of last year", "office"), "office of last year");
        assert!(!may_hold("office", "offices") && !may_hold("office", "office-backup"));
        assert!(may_hold("office~1", "office") && !may_hold("off", "office"));
    }

    #[test]
    fn names_that_lead_astray_are_refused() {
        for wrong in [
            "",
            "..",
            "a/b",
            "a\\b",
            ".hidden",
            "con:",
            "x~y",
            "end.",
            "-o",
            "CON",
            "nul.2026",
            "Com1",
            &"x".repeat(121),
        ] {
            assert_eq!(check(wrong).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
        }
        for fine in ["sala 3", "año-2026", "a.b_c", "console", "com", "com10"] {
            check(fine).unwrap();
        }
    }
}
