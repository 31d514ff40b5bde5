//! What the command line says about servers.

use crate::error::Result;
use crate::operation::destination::{ServerAccess, reach_servers_by};
use crate::store::Trust;
use crate::store::credentials::{self, Asker, Secret, Sources};
use crate::text::message;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Options of every command that reaches a server.
#[derive(Clone, clap::Args)]
pub(super) struct ServerOptions {
    /// Files of credentials.
    #[arg(long, global = true, value_name = "FILE")]
    credentials: Vec<PathBuf>,
    /// A file whose first line is the password.
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A private key.
    #[arg(long, global = true, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
    /// The fingerprints of the server's keys.
    #[arg(long, global = true, value_name = "FINGERPRINT", value_parser = fingerprint)]
    host_key: Vec<String>,
    /// Certificates that are believed besides those of the system.
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How long a server that went away is waited for.
    #[arg(long, global = true, value_name = "MINUTES")]
    wait: Option<u64>,
}

/// A fingerprint in the form that `ssh-keygen -lf` has: SHA-256 in base64 without padding.
fn fingerprint(word: &str) -> Result<String, String> {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let digits = word.strip_prefix("SHA256:").unwrap_or_default().trim_end_matches('=');
    match digits.len() == 43 && digits.chars().all(is_base64) {
        true => Ok(format!("SHA256:{digits}")),
        false => Err(message!("cli-not-a-fingerprint").to_string()),
    }
}

/// Files of credentials that are read where they exist: that of the machine, which can come in a second
/// archive of the initial root file system, and that of the person.
fn usual_files(home: Option<&Path>) -> Vec<PathBuf> {
    let own = home.map(|home| home.join(".config/calco/credentials"));
    let files = own.into_iter().chain([PathBuf::from("/etc/calco/credentials")]);
    files.filter(|file| file.is_file()).collect()
}

impl ServerOptions {
    /// Reads what is named, for all servers of this process; `asker` asks for the rest.
    ///
    /// # Errors
    /// When a file cannot be read or means nothing.
    pub(super) fn set_up(&self, asker: Arc<dyn Asker>) -> Result<()> {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let mut sources = Sources::default();
        for file in &self.credentials {
            sources.keyring.add_file(file)?;
        }
        if let Some(file) = &self.password_file {
            sources.given.password = Some(credentials::read_password_file(file)?);
        }
        if let Some(file) = &self.ssh_key {
            sources.given.key = Some(Secret::new(credentials::read_file(file)?.to_string()));
        }
        sources.given.host_keys.clone_from(&self.host_key);
        let minutes = self.wait.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
        reach_servers_by(ServerAccess {
            sources,
            usual_files: usual_files(home.as_deref()),
            asker,
            patience: minutes.unwrap_or(ServerAccess::PATIENCE),
            known_hosts: home.map(|home| home.join(".ssh/known_hosts")),
            trust: Trust { authorities: self.ca_file.clone() },
        });
        Ok(())
    }
}
