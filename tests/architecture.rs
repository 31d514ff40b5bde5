//! Dependencies between the modules point one way, and `unsafe` stays in `sys`.
//!
//! The module tree is followed from its roots and every `crate::`, `super::` and `calco::` path
//! is resolved, in `use` declarations, in code and inside macro calls alike. Test modules are
//! left out: a test may hold its module against any other.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::Path;

/// Modules from the ground up. A module uses those of the rows above its own; those in one row
/// do not know each other, and those in a row that begins with `together` do.
const LAYERS: &[&[&str]] = &[
    &["together", "error", "pipeline", "report", "text", "units"],
    &["sys"],
    &["block"],
    &["partition", "filesystem", "codec"],
    &["image"],
    &["store"],
    &["job"],
    &["operation"],
    &["ui"],
    &["cli"],
    &["init"],
    &["main"],
];

/// Modules that stand beside the layers: they use the two lowest rows only, and from `job` on
/// they can be used.
const HARDWARE: &[&str] = &["hardware", "network"];
const ROWS_BELOW_HARDWARE: usize = 2;
const FIRST_ROW_ABOVE_HARDWARE: &str = "job";

fn row(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

/// Whether `user` may use `used`; `None` when one of them has no place in the layers.
fn may_use(user: &str, used: &str) -> Option<bool> {
    if user == used {
        return Some(true);
    }
    match (HARDWARE.contains(&user), HARDWARE.contains(&used)) {
        (true, true) => Some(false),
        (true, false) => Some(row(used)? < ROWS_BELOW_HARDWARE),
        (false, true) => Some(row(user)? >= row(FIRST_ROW_ABOVE_HARDWARE)?),
        (false, false) => {
            let (above, below) = (row(user)?, row(used)?);
            Some(below < above || (below == above && LAYERS[above][0] == "together"))
        }
    }
}

/// What the modules do, each with where: `user` is the first name of a module's path.
#[derive(Default, Debug, PartialEq)]
struct Findings {
    /// (user, used, file)
    uses: BTreeSet<(String, String, String)>,
    /// (module, file)
    unsafe_code: BTreeSet<(String, String)>,
}

impl Findings {
    fn violations(&self) -> Vec<String> {
        let uses = self.uses.iter().filter_map(|(user, used, file)| match may_use(user, used) {
            Some(true) => None,
            Some(false) => Some(format!("{file}: {user} must not use {used}")),
            None => Some(format!("{file}: {user} uses {used}: give both a place in LAYERS")),
        });
        let unsafe_code = self
            .unsafe_code
            .iter()
            .filter(|(module, _)| module != "sys")
            .map(|(module, file)| format!("{file}: unsafe in {module}, not in sys"));
        uses.chain(unsafe_code).collect()
    }
}

/// Where the scanner is: in which module, and where the text of a module is found.
struct Scanner<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    findings: Findings,
}

impl Scanner<'_> {
    /// Scans the file that holds the module `path`.
    fn module_file(&mut self, path: &[String]) {
        let stem = path.join("/");
        let (file, source) = [format!("src/{stem}.rs"), format!("src/{stem}/mod.rs")]
            .into_iter()
            .find_map(|file| (self.read)(&file).map(|source| (file, source)))
            .unwrap_or_else(|| panic!("no file for module {stem}"));
        self.scan(&source.parse().expect("the compiler reads it too"), path, &file);
    }

    fn scan(&mut self, tokens: &TokenStream, path: &[String], file: &str) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let mut position = 0;
        while position < tokens.len() {
            position += match &tokens[position..] {
                // An item that exists in tests only: up to the end of its body or declaration.
                [TokenTree::Punct(hash), TokenTree::Group(attribute), rest @ ..]
                    if hash.as_char() == '#' && is_cfg_test(&attribute.stream()) =>
                {
                    2 + item_length(rest)
                }
                [TokenTree::Ident(word), TokenTree::Ident(name), after, ..] if word == "mod" => {
                    let inner: Vec<String> =
                        path.iter().cloned().chain([name.to_string()]).collect();
                    match after {
                        TokenTree::Group(body) => self.scan(&body.stream(), &inner, file),
                        _ => self.module_file(&inner),
                    }
                    3
                }
                [TokenTree::Ident(word), ..] if word == "unsafe" => {
                    self.findings.unsafe_code.insert((top(path), file.to_owned()));
                    1
                }
                [TokenTree::Ident(word), rest @ ..]
                    if ["crate", "super", "self", "calco"].iter().any(|start| word == start) =>
                {
                    let before = position.checked_sub(1).map(|before| &tokens[before]);
                    if !is_colon(before) {
                        self.path_from(&word.to_string(), rest, path, file);
                    }
                    1
                }
                [TokenTree::Group(group), ..] => {
                    self.scan(&group.stream(), path, file);
                    1
                }
                _ => 1,
            };
        }
    }

    /// Resolves a path that begins with `start` in the module `path`.
    fn path_from(&mut self, start: &str, rest: &[TokenTree], path: &[String], file: &str) {
        let mut base: Vec<String> = match start {
            "crate" | "calco" => Vec::new(),
            "super" => path[..path.len().saturating_sub(1)].to_vec(),
            _ => path.to_vec(),
        };
        let mut rest = rest;
        loop {
            rest = match rest {
                [a, b, TokenTree::Ident(next), after @ ..]
                    if is_colon(Some(a)) && is_colon(Some(b)) && next == "super" =>
                {
                    base.pop();
                    after
                }
                [a, b, next, ..] if is_colon(Some(a)) && is_colon(Some(b)) => {
                    return self.used(&base, next, path, file);
                }
                _ => return,
            };
        }
    }

    /// Notes the use of `next`, a name or a `{…}` of names, in the module `base`.
    fn used(&mut self, base: &[String], next: &TokenTree, path: &[String], file: &str) {
        let names = match (base.first(), next) {
            (Some(first), _) => vec![first.clone()],
            (None, TokenTree::Ident(name)) => vec![name.to_string()],
            (None, TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                first_names(&group.stream())
            }
            (None, _) => vec!["*".to_owned()],
        };
        for name in names {
            self.findings.uses.insert((top(path), name, file.to_owned()));
        }
    }
}

fn top(path: &[String]) -> String {
    path.first().cloned().unwrap_or_else(|| "lib".to_owned())
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(colon)) if colon.as_char() == ':')
}

fn is_cfg_test(attribute: &TokenStream) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text.starts_with("cfg(test)") || text.starts_with("cfg(all(test")
}

/// Number of tokens up to the end of the first item: a `{…}` or a `;`.
fn item_length(tokens: &[TokenTree]) -> usize {
    let end = tokens.iter().position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    });
    end.map_or(tokens.len(), |end| end + 1)
}

/// The first names of the paths in `{a::b, c::{d, e}, f}`.
fn first_names(list: &TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    let mut at_start = true;
    for token in list.clone() {
        match token {
            TokenTree::Ident(name) if at_start => {
                names.push(name.to_string());
                at_start = false;
            }
            TokenTree::Punct(comma) if comma.as_char() == ',' => at_start = true,
            _ => {}
        }
    }
    names
}

/// Scans the module tree of the library and of the binary, through `read`: file name to text.
fn scan(read: &dyn Fn(&str) -> Option<String>) -> Findings {
    let mut scanner = Scanner { read, findings: Findings::default() };
    let library = read("src/lib.rs").expect("the library has a root");
    scanner.scan(&library.parse().expect("the compiler reads it too"), &[], "src/lib.rs");
    if read("src/main.rs").is_some() {
        scanner.module_file(&["main".to_owned()]);
    }
    scanner.findings
}

#[test]
fn dependencies_point_one_way_and_unsafe_stays_in_sys() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let findings = scan(&|file| std::fs::read_to_string(root.join(file)).ok());
    assert!(
        findings.uses.iter().any(|(user, used, _)| user == "block" && used == "units"),
        "the scan finds uses that are known to be there"
    );
    let violations = findings.violations();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// The violations in a made-up tree of files.
fn violations(files: &[(&str, &str)]) -> Vec<String> {
    scan(&|name| files.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned()))
        .violations()
}

#[test]
fn the_wrong_direction_is_found_however_it_is_written() {
    for wrong in [
        "use crate::store::Store;",
        "use crate::{error::Error, store::{Store, local}};",
        "fn f() -> crate::store::Store { todo!() }",
        "fn f() { println!(\"{}\", crate::store::NAME) }",
        "use super::store::Store;",
        "mod inner { use super::super::store::Store; }",
        "pub use self::super::store::Store;",
        "#[cfg(test)] mod tests { use crate::store; } use crate::store;",
    ] {
        let found = violations(&[("src/lib.rs", "mod image;"), ("src/image.rs", wrong)]);
        assert_eq!(found, ["src/image.rs: image must not use store"], "{wrong}");
    }
}

#[test]
fn modules_in_files_of_their_own_are_followed() {
    let files = [
        ("src/lib.rs", "pub mod filesystem;"),
        ("src/filesystem/mod.rs", "mod ext;"),
        ("src/filesystem/ext/mod.rs", "mod group;"),
        ("src/filesystem/ext/group.rs", "use super::super::super::partition;"),
        ("src/main.rs", "use calco::nowhere; fn main() { unsafe {} }"),
    ];
    assert_eq!(
        violations(&files),
        [
            "src/filesystem/ext/group.rs: filesystem must not use partition",
            "src/main.rs: main uses nowhere: give both a place in LAYERS",
            "src/main.rs: unsafe in main, not in sys",
        ]
    );
}

#[test]
fn what_is_allowed_is_not_found() {
    let files = [
        ("src/lib.rs", "mod image; mod sys; mod hardware; pub mod operation;"),
        (
            "src/image.rs",
            "//! crate::store\nuse crate::{codec, error}; /* crate::store */ mod pack { use \
             super::super::block; } #[cfg(test)] mod tests { use crate::store; } #[cfg(test)] \
             mod elsewhere; const A: &str = \"crate::store unsafe\";",
        ),
        ("src/sys.rs", "use crate::text; fn f() { unsafe { } }"),
        ("src/hardware.rs", "use crate::sys;"),
        ("src/operation.rs", "use crate::{hardware, store::Store};"),
        ("src/main.rs", "use calco::cli; fn main() {}"),
    ];
    assert_eq!(violations(&files), Vec::<String>::new());
}

#[test]
fn modules_side_by_side_do_not_use_each_other() {
    for (user, used) in [
        ("partition", "filesystem"),
        ("filesystem", "hardware"),
        ("image", "store"),
        ("operation", "ui"),
        ("hardware", "block"),
        ("network", "hardware"),
        ("ui", "cli"),
        ("operation", "cli"),
    ] {
        assert_eq!(may_use(user, used), Some(false), "{user} → {used}");
    }
    assert_eq!(may_use("text", "error"), Some(true));
    assert_eq!(may_use("operation", "somewhere"), None);
}
