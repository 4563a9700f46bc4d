//! /etc/passwd: the names and homes of users.
//!
//! Source: passwd(5); which lines count is what Go's `os/user` does, with which the Go lifecycle reads it.

/// A user in /etc/passwd.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Account<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its home directory.
    pub home: &'a str,
}

/// The first user with this number in the text of /etc/passwd.
///
/// ```
/// use cnb_core::passwd;
///
/// let text = "root:x:0:0:root:/root:/bin/sh\ncnb:x:1001:1002::/home/cnb:/bin/sh\n";
/// assert_eq!(passwd::find(text, 1001).unwrap().home, "/home/cnb");
/// ```
pub fn find(text: &str, uid: u32) -> Option<Account<'_>> {
    let wanted = uid.to_string();
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.splitn(7, ':').collect();
        match fields[..] {
            [name, _, number, group, _, home, ..] => {
                let counts = number == wanted && group.parse::<u32>().is_ok() && is_name(name);
                counts.then_some(Account { name, home })
            }
            _ => None,
        }
    })
}

/// What `HOME` is for a user when nobody says: as OCI runtimes have it, `/` for those without an entry.
///
/// ```
/// use cnb_core::passwd;
///
/// let text = "cnb:x:1001:1002::/home/cnb:/bin/sh\n";
/// assert_eq!(passwd::home(text, 1001), "/home/cnb");
/// assert_eq!(passwd::home(text, 7), "/");
/// ```
pub fn home(text: &str, uid: u32) -> &str {
    find(text, uid).map(|account| account.home).filter(|home| !home.is_empty()).unwrap_or("/")
}

/// Lines of compatibility with NIS start with `+` or `-`, comments with `#`.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['+', '-', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_whole_line_of_the_number_counts() {
        let text = concat!(
            "root:x:0:0:root:/root:/bin/sh\n",
            "#off:x:1001:0::/off:\n",
            "+nis:x:1001:0::/nis:\n",
            "broken:x:1001\n",
            "nogroup:x:1001:x::/nogroup:\n",
            ":x:1001:0::/nameless:\n",
            "cnb:x:1001:1002:a, b:/home/cnb:/bin/sh:more\n",
            "second:x:1001:1002::/second:\n",
            "bare:x:8:8::\n",
            "short:x:9:9::/short\n",
        );
        for (uid, expected) in [
            (0, Some(("root", "/root"))),
            (1001, Some(("cnb", "/home/cnb"))),
            (8, Some(("bare", ""))),
            (9, Some(("short", "/short"))),
            (7, None),
        ] {
            let found = find(text, uid).map(|account| (account.name, account.home));
            assert_eq!(found, expected, "{uid}");
        }
    }

    #[test]
    fn who_has_no_home_is_at_home_in_the_root() {
        let text = "cnb:x:1001:1002::/home/cnb:\nbare:x:8:8::\n";
        for (text, uid, expected) in [(text, 1001, "/home/cnb"), (text, 8, "/"), (text, 7, "/"), ("", 0, "/")]
        {
            assert_eq!(home(text, uid), expected, "{uid}");
        }
    }
}
