use super::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Every `{ $name }` of a message and of its variants.
fn placeholders(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in source.lines() {
        if let Some((id, _)) = line.split_once(" =")
            && !line.starts_with([' ', '#', '-', '.'])
        {
            current = id.to_owned();
            found.entry(current.clone()).or_default();
        }
        for piece in line.split('$').skip(1) {
            let name: String =
                piece.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            found.entry(current.clone()).or_default().insert(name);
        }
    }
    found
}

fn all(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    sources(language).into_iter().flat_map(|(_, source)| placeholders(source)).collect()
}

fn rust_files(folder: &Path, into: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("text/tests.rs") {
            into.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The `message!` calls in the code: id and names of the arguments.
fn used() -> Vec<(String, BTreeSet<String>)> {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut calls = Vec::new();
    for file in files {
        for call in file.split("message!(").skip(1) {
            let Some(call) = call.trim_start().strip_prefix('"') else { continue };
            let (id, rest) = call.split_once('"').unwrap();
            let mut depth = 0i32;
            let mut names = BTreeSet::new();
            let mut word = String::new();
            let mut in_text = false;
            let mut before = ' ';
            for c in rest.chars() {
                if in_text {
                    in_text = c != '"' || before == '\\';
                } else {
                    match c {
                        '"' => in_text = true,
                        '(' | '[' | '{' => depth += 1,
                        ')' | ']' | '}' if depth == 0 => break,
                        ')' | ']' | '}' => depth -= 1,
                        '=' if depth == 0 && !word.is_empty() => {
                            names.insert(std::mem::take(&mut word));
                        }
                        ',' if depth == 0 => word.clear(),
                        c if c.is_ascii_alphanumeric() || c == '_' => word.push(c),
                        ' ' | '\n' => {}
                        _ => word.clear(),
                    }
                }
                before = c;
            }
            calls.push((id.to_owned(), names));
        }
    }
    calls
}

#[test]
fn the_languages_say_the_same_things() {
    let (english, spanish) = (all(Language::English), all(Language::Spanish));
    for (id, names) in &english {
        assert_eq!(spanish.get(id), Some(names), "{id}: Spanish differs from English");
    }
    for id in spanish.keys() {
        assert!(english.contains_key(id), "{id}: only in Spanish");
    }
}

#[test]
fn every_message_in_the_code_exists_with_its_arguments() {
    let english = all(Language::English);
    let used = used();
    assert!(used.len() > 10, "the scan for message! finds the calls");
    for (id, names) in &used {
        let expected = english.get(id).unwrap_or_else(|| panic!("{id}: no such message"));
        assert_eq!(names, expected, "{id}: arguments in the code and in the text");
    }
}

#[test]
fn every_message_is_used() {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let code = files.concat();
    for id in all(Language::English).keys() {
        // Ids of the command line are made from the names of commands and options.
        assert!(id.starts_with("help-") || code.contains(&format!("\"{id}\"")), "{id}: never used");
    }
}

#[test]
fn messages_nest_and_count() {
    let message = message!("error-what", what = message!("error-interrupted"));
    assert!(message.in_language(Language::English).contains("Interrupted"));
    assert_ne!(message.in_language(Language::English), message.in_language(Language::Spanish));
    let stored = serde_json::to_string(&message.to_stored()).unwrap();
    let read: Message = serde_json::from_str(&stored).unwrap();
    assert_eq!(read.in_language(Language::Spanish), message.in_language(Language::Spanish));
}

#[test]
fn in_the_menu_nothing_is_said_of_options() {
    let mut with_words_of_their_own = 0;
    for language in Language::ALL {
        for id in all(language).keys() {
            let message = Message { id: id.clone(), arguments: BTreeMap::new(), text: None };
            let (menu, plain) = (message.spoken(language, true), message.spoken(language, false));
            if menu != plain {
                with_words_of_their_own += 1;
                assert!(!menu.contains("--") && !menu.contains('`'), "{id}: {menu}");
            }
        }
    }
    assert!(with_words_of_their_own > 10);
}
