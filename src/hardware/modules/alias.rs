//! The patterns of `modules.alias` and which of them an alias matches.

/// Whether two bytes are the same to the kernel's module tools: `-` and `_` are one letter.
fn same(pattern: u8, byte: u8) -> bool {
    let plain = |byte: u8| if byte == b'-' { b'_' } else { byte };
    plain(pattern) == plain(byte)
}

/// What a `[…]` at the start of `pattern` says about a byte, and the pattern after it; `None`
/// when it has no end, and is then no class.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let mut rest = pattern.strip_prefix(b"[")?;
    let negated = matches!(rest.first(), Some(b'!' | b'^'));
    if negated {
        rest = &rest[1..];
    }
    let mut found = false;
    let mut first = true;
    loop {
        let (&from, tail) = rest.split_first()?;
        rest = tail;
        if from == b']' && !first {
            return Some((found != negated, rest));
        }
        first = false;
        match rest {
            [b'-', to, tail @ ..] if *to != b']' => {
                found |= (from..=*to).contains(&byte);
                rest = tail;
            }
            _ => found |= from == byte,
        }
    }
}

/// Whether a pattern of `modules.alias` matches an alias: the rules of fnmatch(3) without flags,
/// and `-` is `_`. Takes time proportional to the product of the lengths at most.
pub(super) fn matches(pattern: &[u8], alias: &[u8]) -> bool {
    let (mut pattern, mut alias) = (pattern, alias);
    // Where to go on when what follows the last `*` did not match: one byte further each time.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (pattern.split_first(), alias.split_first()) {
            (Some((b'*', after)), _) => {
                retry = Some((after, alias));
                Some((after, alias))
            }
            (None, None) => return true,
            (Some((&letter, after)), Some((&byte, rest))) => match class(pattern, byte) {
                Some((true, after)) => Some((after, rest)),
                Some((false, _)) => None,
                None if letter == b'?' || same(letter, byte) => Some((after, rest)),
                None => None,
            },
            _ => None,
        };
        (pattern, alias) = match (step, retry) {
            (Some(next), _) => next,
            (None, Some((after, start))) if !start.is_empty() => {
                retry = Some((after, &start[1..]));
                (after, &start[1..])
            }
            (None, _) => return false,
        };
    }
}

/// The number of bytes in the key that the patterns are sorted by.
const KEY: usize = 3;

/// Patterns with their modules, found quickly by the first letters of an alias.
#[derive(Default)]
pub(super) struct Aliases {
    text: String,
    /// (first letters, pattern, module), sorted by the first letters.
    by_key: Vec<([u8; KEY], Part, Part)>,
    /// Patterns with a wildcard in the first letters.
    others: Vec<(Part, Part)>,
}

/// A part of the text: start and length in bytes.
type Part = (u32, u32);

impl Aliases {
    /// The lines `alias PATTERN MODULE` of a text; others are passed over.
    pub(super) fn parse(text: String) -> Self {
        let mut aliases = Self::default();
        let part = |word: &str| {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            Some((u32::try_from(start).ok()?, u32::try_from(word.len()).ok()?))
        };
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some("alias"), Some(pattern), Some(module)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let (Some(pattern_part), Some(module)) = (part(pattern), part(module)) else {
                break;
            };
            match key(pattern.as_bytes()) {
                Some(key) => aliases.by_key.push((key, pattern_part, module)),
                None => aliases.others.push((pattern_part, module)),
            }
        }
        aliases.by_key.sort_by_key(|(key, ..)| *key);
        aliases.text = text;
        aliases
    }

    fn word(&self, (start, length): Part) -> &str {
        &self.text[start as usize..][..length as usize]
    }

    /// The modules whose patterns match, each once, in the order of the text.
    pub(super) fn modules(&self, alias: &str) -> Vec<&str> {
        let alias = alias.as_bytes();
        let mut found: Vec<Part> = Vec::new();
        let mut look = |pattern: Part, module: Part| {
            if matches(self.word(pattern).as_bytes(), alias) {
                found.push(module);
            }
        };
        if let Some(wanted) = alias.first_chunk::<KEY>().and_then(|start| key(start)) {
            let start = self.by_key.partition_point(|(key, ..)| *key < wanted);
            for (key, pattern, module) in &self.by_key[start..] {
                if *key != wanted {
                    break;
                }
                look(*pattern, *module);
            }
        }
        for (pattern, module) in &self.others {
            look(*pattern, *module);
        }
        found.sort_unstable();
        let mut names: Vec<&str> = Vec::new();
        for part in found {
            let name = self.word(part);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// The first letters, as the kernel's module tools compare them; `None` when there is a wildcard
/// among them or there are too few.
fn key(pattern: &[u8]) -> Option<[u8; KEY]> {
    let mut key = *pattern.first_chunk::<KEY>()?;
    for letter in &mut key {
        match letter {
            b'*' | b'?' | b'[' => return None,
            b'-' => *letter = b'_',
            _ => {}
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wildcards_match_as_fnmatch_does() {
        for (pattern, alias, expected) in [
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("pci:v00008086d*sv*sd*bc*sc*i*", "pci:v00008086d00002922sv1sd2bc01sc06i01", true),
            ("pci:v*d*sv*sd*bc01sc06i01*", "pci:v00008086d00002922sv1sd2bc01sc06i01", true),
            ("pci:v*d*sv*sd*bc01sc06i01*", "pci:v00008086d00002922sv1sd2bc01sc08i02", false),
            ("usb:v0A5Cp219[0-9a-f]d*", "usb:v0A5Cp219bd0112dc", true),
            ("usb:v0A5Cp219[0-9a-f]d*", "usb:v0A5Cp219xd0112dc", false),
            ("a[!0-9]c", "abc", true),
            ("a[!0-9]c", "a1c", false),
            ("a[]]c", "a]c", true),
            ("a[b", "a[b", true),
            ("fs-ntfs3", "fs-ntfs3", true),
            ("fs_ntfs3", "fs-ntfs3", true),
            ("nls_iso8859-1", "nls_iso8859_1", true),
            ("a*b*c", "axxbyybzzc", true),
            ("a*b*c", "axxbyybzz", false),
            ("acpi*:PNP0C0A:*", "acpi:PNP0C0A:", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), alias.as_bytes()),
                expected,
                "{pattern} against {alias}"
            );
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(4096).as_bytes()));
    }

    #[test]
    fn patterns_are_found_by_their_first_letters_or_without_them() {
        let aliases = Aliases::parse(
            "# comment\nalias pci:v1* one\nalias p?i:* two\nalias pci:* one\nalias x y\n\
             alias fs-ext4 ext4\nalias broken\n"
                .to_owned(),
        );
        assert_eq!(aliases.modules("pci:v12"), ["one", "two"]);
        assert_eq!(aliases.modules("pci:v2"), ["two", "one"]);
        assert_eq!(aliases.modules("x"), ["y"]);
        assert_eq!(aliases.modules("fs_ext4"), ["ext4"]);
        assert!(aliases.modules("broken").is_empty());
        assert!(aliases.modules("").is_empty());
    }

    proptest! {
        /// The crate `glob` has the same rules but for a few letters, which are left out here.
        #[test]
        fn it_agrees_with_another_matcher(
            pattern in "([ab]|\\*[ab]|\\?|\\[[ab]\\]|\\[!a\\]){0,8}\\*?",
            alias in "[abc]{0,12}",
        ) {
            let other = glob::Pattern::new(&pattern).unwrap();
            prop_assert_eq!(
                matches(pattern.as_bytes(), alias.as_bytes()),
                other.matches(&alias),
                "{} against {}", pattern, alias
            );
        }

        #[test]
        fn any_bytes_are_taken(pattern: Vec<u8>, alias: Vec<u8>) {
            matches(&pattern, &alias);
        }
    }
}
