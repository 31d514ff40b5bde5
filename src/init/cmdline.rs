//! The kernel's command line, by the kernel's own rules, and what it says to us.

use crate::network::Settings;
use crate::text::{Language, Message, message};
use serde::{Deserialize, Serialize};

/// What happens after an unattended run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Then {
    /// The menu comes.
    Menu,
    /// The machine starts again.
    Reboot,
    /// The machine switches itself off.
    PowerOff,
}

impl Then {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "menu" => Some(Self::Menu),
            "reboot" => Some(Self::Reboot),
            "poweroff" => Some(Self::PowerOff),
            _ => None,
        }
    }
}

/// What the command line says to us (`calco.…`).
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Options {
    /// The job to run unattended, in the words of the command line of this program.
    pub(super) run: Option<String>,
    /// What to do after it.
    pub(super) then: Option<Then>,
    /// What to do when it fails.
    pub(super) on_error: Option<Then>,
    /// The language.
    pub(super) language: Option<Language>,
    /// The keyboard layout.
    pub(super) keymap: Option<String>,
    /// What kind of terminals are on serial lines, in the words of terminfo (`dumb`).
    pub(super) serial_terminal: Option<String>,
    /// The only consoles to use, by the kernel's names.
    pub(super) consoles: Option<Vec<String>>,
    /// How network interfaces are set up; empty where nothing was said.
    pub(super) network: Vec<Settings>,
    /// What was not understood.
    pub(super) problems: Vec<Message>,
}

impl Options {
    /// Reads a command line. Of several settings of one name the last holds, as in the kernel.
    pub(super) fn parse(line: &str) -> Self {
        let mut options = Self::default();
        for (name, value) in parameters(line) {
            let Some(name) = name.strip_prefix("calco.") else {
                continue;
            };
            let value = value.unwrap_or_default();
            let understood = match name {
                "run" => set(&mut options.run, Some(value.clone()).filter(|run| !run.is_empty())),
                "then" => set(&mut options.then, Then::from_word(&value)),
                "on-error" => set(&mut options.on_error, Then::from_word(&value)),
                "lang" => set(&mut options.language, Language::from_tag(&value)),
                "keymap" => set(&mut options.keymap, plain_name(&value)),
                "term" => set(&mut options.serial_terminal, plain_name(&value)),
                "console" => set(&mut options.consoles, console_names(&value)),
                "ip" => match Settings::parse_all(&value) {
                    Ok(settings) => {
                        options.network = settings;
                        true
                    }
                    Err(error) => {
                        options.problems.push(error.message().clone());
                        false
                    }
                },
                _ => false,
            };
            if !understood {
                let word = format!("calco.{name}={value}");
                options.problems.push(message!("init-parameter-unknown", word = word));
            }
        }
        options
    }
}

/// Sets an option when there is a value for it; answers whether there was.
fn set<T>(option: &mut Option<T>, value: Option<T>) -> bool {
    let understood = value.is_some();
    if understood {
        *option = value;
    }
    understood
}

/// The name of a keyboard layout or of a kind of terminal: it becomes part of a path.
pub(super) fn plain_name(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!name.is_empty() && name.len() <= 32 && name.chars().all(plain)).then(|| name.to_owned())
}

fn console_names(list: &str) -> Option<Vec<String>> {
    let plain = |name: &str| {
        let name = name.strip_prefix("/dev/").unwrap_or(name);
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
        plain.then(|| name.to_owned())
    };
    list.split(',').map(plain).collect()
}

/// The parameters of a command line: names, and values where there is a `=`.
///
/// These are the rules of `next_arg` in the kernel's `lib/cmdline.c`: white space separates except
/// between double quotes; quotes around a whole parameter or a whole value are taken away; nothing
/// is escaped.
pub(super) fn parameters(line: &str) -> Vec<(String, Option<String>)> {
    // The kernel's isspace() also takes vertical tabs.
    let is_space = |c: char| c.is_ascii_whitespace() || c == '\u{b}';
    let mut found = Vec::new();
    let mut rest = line.trim_start_matches(is_space);
    while !rest.is_empty() {
        let quoted = rest.starts_with('"');
        if quoted {
            rest = &rest[1..];
        }
        let mut in_quotes = quoted;
        let end = rest
            .find(|c: char| {
                in_quotes ^= c == '"';
                is_space(c) && !in_quotes
            })
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.trim_start_matches(is_space);
        let open = |text: &str| text.strip_suffix('"').unwrap_or(text).to_owned();
        // A `=` in the first place belongs to the name.
        let equals = word.char_indices().find(|(at, c)| *at > 0 && *c == '=').map(|(at, _)| at);
        found.push(match equals.map(|at| (&word[..at], &word[at + 1..])) {
            Some((name, value)) => {
                let value = match value.strip_prefix('"') {
                    Some(value) => open(value),
                    None if quoted => open(value),
                    None => value.to_owned(),
                };
                (name.to_owned(), Some(value))
            }
            None if quoted => (open(word), None),
            None => (word.to_owned(), None),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(line: &str) -> (String, Option<String>) {
        let found = parameters(line);
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        found.into_iter().next().unwrap()
    }

    #[test]
    fn quotes_follow_the_kernels_rules() {
        let pair = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        assert_eq!(one("quiet"), ("quiet".to_owned(), None));
        assert_eq!(one("a=b=c"), pair("a", "b=c"));
        assert_eq!(one("a="), pair("a", ""));
        assert_eq!(one("=a"), ("=a".to_owned(), None));
        assert_eq!(one(r#"a="b c""#), pair("a", "b c"));
        assert_eq!(one(r#""a=b c""#), pair("a", "b c"));
        assert_eq!(one(r#"a=b" "c"#), pair("a", r#"b" "c"#));
        assert_eq!(one(r#"a="b c"#), pair("a", "b c"));
        assert_eq!(one(r#"a="b" "#), pair("a", "b"));
        assert_eq!(one(r#""a b""#), ("a b".to_owned(), None));
        assert_eq!(one(r#"a="""#), pair("a", ""));
        assert!(parameters(" \t\n").is_empty());
    }

    #[test]
    fn our_words_are_understood() {
        let options = Options::parse(
            "BOOT_IMAGE=/vmlinuz quiet console=tty0 \"calco.run=save /dev/disk/by-id/x --to \
             'usb:MY STICK'\" calco.then=reboot calco.on-error=menu calco.lang=es_ES.UTF-8 \
             calco.keymap=latam calco.term=dumb calco.console=ttyS0,/dev/tty1 \
             calco.ip=192.168.1.20/24,192.168.1.1\n",
        );
        let expected = Options {
            run: Some("save /dev/disk/by-id/x --to 'usb:MY STICK'".into()),
            then: Some(Then::Reboot),
            on_error: Some(Then::Menu),
            language: Some(Language::Spanish),
            keymap: Some("latam".into()),
            serial_terminal: Some("dumb".into()),
            consoles: Some(vec!["ttyS0".into(), "tty1".into()]),
            network: Settings::parse_all("192.168.1.20/24,192.168.1.1").unwrap(),
            problems: Vec::new(),
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn what_is_not_understood_is_said_and_changes_nothing() {
        let options = Options::parse(
            "calco.lang=es calco.lang=xx calco.then=explode calco.keymap=../x calco.run= \
             calco.console=a/b calco.unknown calcoo.run=x",
        );
        assert_eq!(options.language, Some(Language::Spanish));
        assert_eq!((options.then, options.keymap, options.run), (None, None, None));
        let words: Vec<String> = options.problems.iter().map(ToString::to_string).collect();
        assert_eq!(words.len(), 6, "{words:?}");
        assert!(words[1].contains("calco.then=explode"), "{words:?}");
    }

    proptest! {
        #[test]
        fn any_line_is_taken(line: String) {
            Options::parse(&line);
        }

        #[test]
        fn what_is_quoted_comes_back(
            parameters_in in prop::collection::vec(
                ("[a-z][a-z._-]{0,8}", prop::option::of("[ a-z='/:.\\t-]{0,12}"), any::<bool>()),
                0..6,
            ),
            space in "[ \t\n]{1,3}",
        ) {
            let words: Vec<String> = parameters_in.iter().map(|(name, value, outside)| {
                match (value, outside) {
                    (None, _) => name.clone(),
                    (Some(value), true) => format!("\"{name}={value}\""),
                    (Some(value), false) => format!("{name}=\"{value}\""),
                }
            }).collect();
            let expected: Vec<_> =
                parameters_in.into_iter().map(|(name, value, _)| (name, value)).collect();
            prop_assert_eq!(parameters(&words.join(&space)), expected);
        }
    }
}
