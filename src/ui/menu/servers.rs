//! The address of a folder on a server, question by question: nobody has to know how addresses are
//! written.

use super::Menu;
use super::ask::Answer;
use super::screen::{Choice, Input, List};
use crate::operation::destination::DestinationAccess;
use crate::store::address::{Address, Scheme};
use crate::text::{Message, message};

/// What is asked about a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Server,
    /// Share or bucket, and the folder in it.
    Folder,
    User,
    Endpoint,
}

/// Which questions there are for a kind of server, in their order.
const fn parts(scheme: Scheme) -> &'static [Part] {
    match scheme {
        Scheme::Smb => &[Part::Server, Part::Folder, Part::User],
        // What it has is listed afterwards.
        Scheme::Nfs => &[Part::Server],
        Scheme::Sftp => &[Part::Server, Part::User, Part::Folder],
        Scheme::S3 => &[Part::Endpoint, Part::Folder, Part::User],
        Scheme::Http | Scheme::Https => &[Part::Server, Part::Folder, Part::User],
    }
}

fn question(scheme: Scheme, part: Part) -> Message {
    match (part, scheme) {
        (Part::Server, _) => message!("menu-guided-server"),
        (Part::Endpoint, _) => message!("menu-guided-endpoint"),
        (Part::User, Scheme::Smb) => message!("menu-guided-user-smb"),
        (Part::User, Scheme::S3) => message!("menu-guided-key"),
        (Part::User, Scheme::Http | Scheme::Https) => message!("menu-guided-user-web"),
        (Part::User, _) => message!("menu-guided-user"),
        (Part::Folder, Scheme::Smb) => message!("menu-guided-share"),
        (Part::Folder, Scheme::S3) => message!("menu-guided-bucket"),
        (Part::Folder, Scheme::Http | Scheme::Https) => message!("menu-guided-image"),
        (Part::Folder, _) => message!("menu-guided-folder"),
    }
}

/// What was answered so far.
#[derive(Clone, Default, Debug)]
struct Answers {
    server: String,
    folder: String,
    user: String,
    endpoint: String,
}

impl Answers {
    fn part(&mut self, part: Part) -> &mut String {
        match part {
            Part::Server => &mut self.server,
            Part::Folder => &mut self.folder,
            Part::User => &mut self.user,
            Part::Endpoint => &mut self.endpoint,
        }
    }

    /// The address, or what is wrong with an answer. `\\SERVER\SHARE` is understood as well.
    fn address(&self, scheme: Scheme) -> Result<Address, String> {
        let slashes = |text: &str| text.trim().replace('\\', "/");
        let server = slashes(&self.server);
        let server = server.trim_matches('/');
        let mut folders = slashes(&self.folder);
        let (server, rest) = server.split_once('/').unwrap_or((server, ""));
        folders = format!("{rest}/{folders}");
        let mut folders = folders.split('/').filter(|name| !name.is_empty()).map(str::to_owned);
        let host = match scheme {
            Scheme::S3 => folders.next().unwrap_or_default(),
            _ => server.to_owned(),
        };
        let mut address = match Address::parse(&format!("{}://{host}/x", scheme.name())) {
            Ok(Some(address)) => address,
            Ok(None) => return Err(message!("menu-server-none").to_string()),
            Err(error) => return Err(error.report()),
        };
        address.folders = folders.collect();
        if address.folders.iter().any(|name| matches!(name.as_str(), "." | "..")) {
            return Err(message!("address-leads-outside").to_string());
        }
        let user = self.user.trim();
        if !user.is_empty() {
            let (domain, user) = match user.split_once(['\\', ';', '/']) {
                Some((domain, user)) => (Some(domain.to_owned()), user),
                None => (None, user),
            };
            (address.domain, address.user) = (domain, Some(user.to_owned()));
        }
        let endpoint = self.endpoint.trim().trim_end_matches('/');
        if !endpoint.is_empty() {
            address.options.insert("endpoint".to_owned(), endpoint.to_owned());
        }
        // As it will be read when it is used.
        match Address::parse(&address.to_string()) {
            Ok(Some(address)) => Ok(address),
            Ok(None) => Err(message!("menu-server-none").to_string()),
            Err(error) => Err(error.report()),
        }
    }
}

impl Menu<'_> {
    /// Asks for the parts of an address.
    pub(super) fn guided_address(
        &mut self,
        title: &Message,
        access: DestinationAccess,
    ) -> Answer<String> {
        let mut choices = vec![
            Choice::new(Scheme::Smb, message!("menu-guided-smb")),
            Choice::new(Scheme::Nfs, message!("menu-guided-nfs")),
            Choice::new(Scheme::Sftp, message!("menu-guided-sftp")),
            Choice::new(Scheme::S3, message!("menu-guided-s3")),
        ];
        if access == DestinationAccess::Look {
            choices.push(Choice::new(Scheme::Https, message!("menu-guided-https")));
        }
        loop {
            let list = List::new(title, choices.clone()).text(message!("menu-guided-text"));
            let Some(scheme) = self.person.choose(list)? else { return Ok(None) };
            if let Some(address) = self.answers(title, scheme)? {
                return Ok(Some(address));
            }
        }
    }

    fn answers(&mut self, title: &Message, scheme: Scheme) -> Answer<String> {
        let parts = parts(scheme);
        let mut answers = Answers::default();
        let mut at = 0;
        while let Some(part) = parts.get(at).copied() {
            let input = Input::new(title, question(scheme, part), answers.part(part));
            let filled = answers.clone();
            let check = |line: &str| {
                let needed = part == Part::Server
                    || part == Part::Folder && matches!(scheme, Scheme::Smb | Scheme::S3);
                if needed && line.trim().is_empty() {
                    return Some(message!("menu-guided-empty").to_string());
                }
                let mut filled = filled.clone();
                line.clone_into(filled.part(part));
                // What comes later is not missing yet: only this answer can be wrong.
                for later in parts.iter().skip(at + 1) {
                    if filled.part(*later).is_empty() {
                        "x".clone_into(filled.part(*later));
                    }
                }
                filled.address(scheme).err()
            };
            match self.person.line(input, check)? {
                Some(line) => {
                    *answers.part(part) = line;
                    at += 1;
                }
                None if at == 0 => return Ok(None),
                None => at -= 1,
            }
        }
        Ok(answers.address(scheme).ok().map(|address| address.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(scheme: Scheme, [server, folder, user, endpoint]: [&str; 4]) -> String {
        let answers = Answers {
            server: server.into(),
            folder: folder.into(),
            user: user.into(),
            endpoint: endpoint.into(),
        };
        match answers.address(scheme) {
            Ok(address) => address.to_string(),
            Err(wrong) => format!("wrong: {wrong}"),
        }
    }

    #[test]
    fn answers_become_addresses() {
        for (scheme, answers, expected) in [
            (Scheme::Smb, ["nas", "backup", "", ""], "smb://nas/backup"),
            (
                Scheme::Smb,
                ["\\\\nas\\backup", "año 1", "LAB\\ana", ""],
                "smb://LAB;ana@nas/backup/año%201",
            ),
            (Scheme::Smb, [" 10.0.2.2:4455 ", "/a/b/", "ana", ""], "smb://ana@10.0.2.2:4455/a/b"),
            (Scheme::Nfs, ["nas", "", "", ""], "nfs://nas/"),
            (Scheme::Sftp, ["nas:2222", "srv/images", "ana", ""], "sftp://ana@nas:2222/srv/images"),
            (
                Scheme::S3,
                ["", "images/lab", "", "https://minio:9000/"],
                "s3://images/lab?endpoint=https://minio:9000",
            ),
            (Scheme::S3, ["", "images", "", ""], "s3://images/"),
            (Scheme::S3, ["", "images", "AKIA7", ""], "s3://AKIA7@images/"),
            (Scheme::Https, ["web/images", "lab", "", ""], "https://web/images/lab"),
            (Scheme::Https, ["web", "lab", "ana", ""], "https://ana@web/lab"),
        ] {
            let parsed = Address::parse(expected).unwrap().unwrap().to_string();
            assert_eq!(address(scheme, answers), parsed, "{answers:?}");
        }
    }

    #[test]
    fn what_makes_no_address_is_told() {
        for (scheme, answers) in [
            (Scheme::Smb, ["nas", "", "", ""]),
            (Scheme::Smb, ["", "backup", "", ""]),
            (Scheme::Smb, ["nas:x", "backup", "", ""]),
            (Scheme::Sftp, ["nas", "../x", "", ""]),
            (Scheme::S3, ["", "", "", ""]),
            (Scheme::S3, ["", "images", "", "minio"]),
        ] {
            let found = address(scheme, answers);
            assert!(found.starts_with("wrong: "), "{answers:?}: {found}");
        }
    }
}
