//! The file of known hosts, in OpenSSH's form (`sshd(8)`, "SSH_KNOWN_HOSTS FILE FORMAT").

use glob::{MatchOptions, Pattern};
use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::ssh_key::public::KeyData;
use sha1::Sha1;
use std::path::Path;

/// The port of SSH, which stands in no line of the file.
pub(super) const PORT: u16 = 22;

/// What a file knows of one server.
#[derive(Default, Debug)]
pub(super) struct Known {
    /// The keys of the server.
    pub(super) keys: Vec<KeyData>,
    /// Keys that it may not show any more, whatever else is known.
    pub(super) revoked: Vec<KeyData>,
}

impl Known {
    /// Looks for a server in a file. A file that cannot be read knows nothing, and a line that
    /// cannot be understood says nothing, as with OpenSSH: neither makes a server known.
    pub(super) fn read(file: &Path, host: &str, port: u16) -> Self {
        let text = std::fs::read(file).unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&text), host, port)
    }

    fn parse(text: &str, host: &str, port: u16) -> Self {
        let host = host.to_lowercase();
        let name = if port == PORT { host } else { format!("[{host}]:{port}") };
        let mut known = Self::default();
        for line in text.lines() {
            // The crate takes one blank between the fields, OpenSSH any white space.
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            let Ok(entry) = line.parse::<Entry>() else { continue };
            if !is_meant(entry.host_patterns(), &name) {
                continue;
            }
            let key = entry.public_key().key_data().clone();
            match entry.marker() {
                None => known.keys.push(key),
                Some(Marker::Revoked) => known.revoked.push(key),
                // Certificates are not asked for.
                Some(Marker::CertAuthority) => {}
            }
        }
        known
    }
}

/// Whether a line is about the server of this name.
fn is_meant(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
            .is_ok_and(|hmac| hmac.chain_update(name).verify_slice(hash).is_ok()),
        HostPatterns::Patterns(patterns) => {
            let (not, meant): (Vec<&str>, Vec<&str>) =
                patterns.iter().map(String::as_str).partition(|pattern| pattern.starts_with('!'));
            let is_any = |patterns: &[&str]| patterns.iter().any(|pattern| matches(pattern, name));
            is_any(&meant) && !is_any(&not)
        }
    }
}

/// Whether a name is of a pattern with `*` and `?`; brackets stand for themselves.
fn matches(pattern: &str, name: &str) -> bool {
    let literal = |character: char| match character {
        '[' | ']' => format!("[{character}]"),
        character => character.to_string(),
    };
    let options = MatchOptions { case_sensitive: false, ..MatchOptions::default() };
    let pattern: String = pattern.trim_start_matches('!').chars().map(literal).collect();
    Pattern::new(&pattern).is_ok_and(|pattern| pattern.matches_with(name, options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::ssh_key::PublicKey;

    const ONE: &str = "ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIO/vv6RvMyd/BnW5KMKZP58EFqFv7VG9YszazlE4NL5M";
    const OTHER: &str = "ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIDsn0sHHJHSBu/7BB2MzL1thotzZ8x9PQhxQ4OoDCaE+";

    fn key(text: &str) -> KeyData {
        text.parse::<PublicKey>().expect("a key").key_data().clone()
    }

    fn keys(text: &str, host: &str, port: u16) -> Vec<KeyData> {
        Known::parse(text, host, port).keys
    }

    #[test]
    fn names_addresses_and_ports_are_found() {
        let text = format!("nas,192.168.1.5 {ONE} a comment\n[nas]:2222\t {OTHER}\n");
        assert_eq!(keys(&text, "nas", 22), [key(ONE)]);
        assert_eq!(keys(&text, "NAS", 22), [key(ONE)]);
        assert_eq!(keys(&text, "192.168.1.5", 22), [key(ONE)]);
        assert_eq!(keys(&text, "nas", 2222), [key(OTHER)]);
        assert_eq!(keys(&text, "nas", 2223), []);
        assert_eq!(keys(&text, "na", 22), []);
    }

    #[test]
    fn wildcards_match_and_an_exclamation_mark_takes_out() {
        let text = format!("*.example.org,!bad.example.org,10.0.0.? {ONE}\n[*.org]:2222 {OTHER}\n");
        assert_eq!(keys(&text, "nas.example.org", 22), [key(ONE)]);
        assert_eq!(keys(&text, "bad.example.org", 22), []);
        assert_eq!(keys(&text, "10.0.0.7", 22), [key(ONE)]);
        assert_eq!(keys(&text, "10.0.0.77", 22), []);
        assert_eq!(keys(&text, "nas.example.org", 2222), [key(OTHER)]);
        assert_eq!(keys(&format!("!nas {ONE}"), "nas", 22), []);
    }

    /// Lines as `ssh-keygen -H` writes them, of `nas` and of `[nas]:2222`.
    #[test]
    fn hashed_names_are_found() {
        let plain = "|1|6gFNCzJduL9JAofv56bTj3bvJX8=|38NqfXd47umPirIf6xaum/DSYr4=";
        let with_port = "|1|q24U9pdm6BPAU/j1CSeJ/7U1v1Y=|RliX4gaiJGamTGa5hJ9FKVAg6tQ=";
        let text = format!("{plain} {ONE}\n{with_port} {OTHER}\n");
        assert_eq!(keys(&text, "nas", 22), [key(ONE)]);
        assert_eq!(keys(&text, "nas", 2222), [key(OTHER)]);
        assert_eq!(keys(&text, "sand", 22), []);
    }

    /// A broken line before the real one hid it, so that a changed key looked like a new one.
    #[test]
    fn lines_that_are_not_understood_hide_no_others() {
        let text = format!(
            "# a comment\n\nnas ssh-ed25519 AAAA\nnas\nnas key-of-tomorrow {ONE}\n  nas {ONE}\n\u{fffd}"
        );
        assert_eq!(keys(&text, "nas", 22), [key(ONE)]);
    }

    #[test]
    fn revoked_keys_and_authorities_are_no_keys_of_a_server() {
        let text = format!("@revoked * {ONE}\n@cert-authority * {OTHER}\n@other nas {OTHER}\n");
        let known = Known::parse(&text, "nas", 22);
        assert_eq!(known.keys, []);
        assert_eq!(known.revoked, [key(ONE)]);
    }
}
