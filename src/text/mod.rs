//! Every text a person reads, in every language, through Fluent.
//!
//! Code names a message by its id and gives the arguments; the sentences live in
//! `src/text/<language>/*.ftl`, one file for each part of the program. A test holds the code and
//! the languages together: every id used exists in each of them, with the same arguments.

mod shell;

pub use shell::{harmless, quoted};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// A language the program speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// English, the default.
    English,
    /// Spanish.
    Spanish,
}

impl Language {
    /// Every language, the default first.
    pub const ALL: [Self; 2] = [Self::English, Self::Spanish];

    /// The ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// The language of a tag such as `es`, `es_MX.UTF-8` or `en-GB`.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let code = tag.split(['_', '-', '.', '@']).next()?.to_ascii_lowercase();
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language that the environment asks for (`CALCO_LANG`, `LC_ALL`, `LC_MESSAGES`, `LANG`,
    /// in this order).
    pub fn from_environment() -> Self {
        ["CALCO_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .and_then(|tag| Self::from_tag(&tag))
            .unwrap_or(Self::English)
    }
}

macro_rules! catalog {
    ($($part:literal),* $(,)?) => {
        fn sources(language: Language) -> [(&'static str, &'static str); [$($part),*].len()] {
            match language {
                Language::English => [$(($part, include_str!(concat!("en/", $part, ".ftl")))),*],
                Language::Spanish => [$(($part, include_str!(concat!("es/", $part, ".ftl")))),*],
            }
        }
    };
}

catalog!(
    "block",
    "cli",
    "destination",
    "error",
    "filesystem",
    "hardware",
    "image",
    "init",
    "menu",
    "network",
    "operation",
    "partition",
    "store",
    "ui"
);

type Bundle = FluentBundle<FluentResource>;

static CURRENT: AtomicU8 = AtomicU8::new(0);
static IN_MENU: AtomicBool = AtomicBool::new(false);

/// From now on sentences speak of the menu, and not of the command line's options, where they have
/// words of their own for it (the attribute `.menu`).
pub fn speak_of_the_menu() {
    IN_MENU.store(true, Ordering::Relaxed);
}

fn bundle(language: Language) -> &'static Bundle {
    static BUNDLES: [OnceLock<Bundle>; 2] = [const { OnceLock::new() }; 2];
    BUNDLES[language as usize].get_or_init(|| {
        let id = language.code().parse().expect("language codes are valid tags");
        let mut bundle = Bundle::new_concurrent(vec![id]);
        // No directional isolation marks: both languages run left to right, and serial
        // consoles print the marks as garbage.
        bundle.set_use_isolating(false);
        for (part, source) in sources(language) {
            let resource =
                FluentResource::try_new(source.to_owned()).unwrap_or_else(|(_, errors)| {
                    panic!("{}/{part}.ftl is not valid Fluent: {errors:?}", language.code())
                });
            if let Err(errors) = bundle.add_resource(resource) {
                panic!("{}/{part}.ftl repeats a message: {errors:?}", language.code());
            }
        }
        bundle
    })
}

/// Chooses the language of everything written from now on.
pub fn set_language(language: Language) {
    CURRENT.store(language as u8, Ordering::Relaxed);
}

/// The language in use.
pub fn language() -> Language {
    #[cfg(test)]
    if let Some(language) = FOR_THIS_TEST.get() {
        return language;
    }
    Language::ALL[usize::from(CURRENT.load(Ordering::Relaxed))]
}

#[cfg(test)]
std::thread_local! {
    static FOR_THIS_TEST: std::cell::Cell<Option<Language>> = const { std::cell::Cell::new(None) };
}

/// Does something in a language, for this thread only: tests run side by side.
#[cfg(test)]
pub(crate) fn with_language<R>(language: Language, action: impl FnOnce() -> R) -> R {
    let before = FOR_THIS_TEST.replace(Some(language));
    let result = action();
    FOR_THIS_TEST.set(before);
    result
}

/// An argument of a message.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Argument {
    /// A count: the language chooses the plural by it.
    Number(u64),
    /// A text used as it is.
    Text(String),
    /// Another message, written in the same language.
    Message(Box<Message>),
}

impl From<u64> for Argument {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}
impl From<u32> for Argument {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}
impl From<usize> for Argument {
    fn from(value: usize) -> Self {
        Self::Number(value as u64)
    }
}
impl From<String> for Argument {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<&str> for Argument {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<&String> for Argument {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}
impl From<Message> for Argument {
    fn from(value: Message) -> Self {
        Self::Message(Box::new(value))
    }
}

/// A sentence for a person: an id with arguments, written in the current language when shown.
///
/// It can be stored (in a manifest, say) and shown later in another language; the English text
/// goes along for readers that do not know the id.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    id: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    arguments: BTreeMap<String, Argument>,
    /// The English sentence, filled in when the message is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Message {
    /// The message with this id and no arguments. Prefer the macro [`message!`], whose ids a
    /// test checks.
    pub fn new(id: &'static str) -> Self {
        Self { id: id.to_owned(), arguments: BTreeMap::new(), text: None }
    }

    /// Adds an argument.
    pub fn with(mut self, name: &'static str, value: impl Into<Argument>) -> Self {
        self.arguments.insert(name.to_owned(), value.into());
        self
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The sentence in a given language. An unknown id gives the stored English text, or else
    /// the id itself, so that nothing is ever hidden.
    pub fn in_language(&self, language: Language) -> String {
        self.spoken(language, IN_MENU.load(Ordering::Relaxed))
    }

    fn spoken(&self, language: Language, in_menu: bool) -> String {
        let bundle = bundle(language);
        let message = bundle.get_message(&self.id);
        let of_menu = message.as_ref().filter(|_| in_menu);
        let of_menu = of_menu.and_then(|message| message.get_attribute("menu"));
        let pattern = match of_menu {
            Some(attribute) => Some(attribute.value()),
            None => message.and_then(|message| message.value()),
        };
        let Some(pattern) = pattern else {
            return self.text.clone().unwrap_or_else(|| self.id.clone());
        };
        let mut arguments = FluentArgs::new();
        for (name, value) in &self.arguments {
            let value = match value {
                Argument::Number(number) => FluentValue::from(*number as f64),
                Argument::Text(text) => FluentValue::from(text.as_str()),
                Argument::Message(message) => FluentValue::from(message.spoken(language, in_menu)),
            };
            arguments.set(name.as_str(), value);
        }
        let mut errors = Vec::new();
        bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned()
    }

    /// The message with its English text inside, ready to be stored.
    pub fn to_stored(&self) -> Self {
        Self { text: Some(self.spoken(Language::English, false)), ..self.clone() }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_language(language()))
    }
}

/// A [`Message`] by its id, with arguments: `message!("error-advice", advice = text)`.
macro_rules! message {
    ($id:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::text::Message::new($id)$(.with(stringify!($name), $value))*
    };
}
pub(crate) use message;

/// The text of a message that takes no arguments and whose id is made at run time, such as the
/// help of an option; `None` when there is none.
pub fn lookup(id: &str) -> Option<String> {
    let bundle = bundle(language());
    let pattern = bundle.get_message(id)?.value()?;
    Some(bundle.format_pattern(pattern, None, &mut Vec::new()).into_owned())
}

#[cfg(test)]
mod tests;
