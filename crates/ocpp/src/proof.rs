//! What a charge point proves by who it is: HTTP Basic, its identity as the user's name (OCPP 1.6 security whitepaper, profiles 1 and
//! 2; RFC 7617).

use bmw_site::Brought;
use data_encoding::BASE64_NOPAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The longest header that is looked at, bytes: the longest identity and the longest password, each of four bytes a sign.
const MOST: usize = 1_024;

/// What a request brings along.
#[derive(Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing, or an empty password: charge points in whose configuration none was entered send that.
    Nothing,
    /// A password.
    Password(Vec<u8>),
    /// What cannot be read, or is somebody else's.
    Unreadable,
}

impl Proof {
    /// What a request brings for a charge point, whose identity stands in the path as `written`.
    ///
    /// Names are equal ignoring case: charge points write theirs in one way in the address and in another one here. Some leave it out,
    /// or write it with the percent signs of the path. Which charge point is meant is said by the path, so nothing is lost by that; and
    /// an identity with a colon in it, which no name may have, is understood as well.
    pub fn of(headers: &HeaderMap, identity: &str, written: &str) -> Self {
        let Some(header) = headers.get(AUTHORIZATION) else { return Self::Nothing };
        let Some((scheme, text)) = header.to_str().ok().and_then(|text| text.trim().split_once(' ')) else {
            return Self::Unreadable;
        };
        if !scheme.eq_ignore_ascii_case("basic") || text.len() > MOST {
            return Self::Unreadable;
        }
        let Ok(bytes) = BASE64_NOPAD.decode(text.trim().trim_end_matches('=').as_bytes()) else {
            return Self::Unreadable;
        };
        let behind = |name: &str| {
            let (user, rest) = bytes.split_at_checked(name.len())?;
            rest.strip_prefix(b":").filter(|_| user.eq_ignore_ascii_case(name.as_bytes()))
        };
        match [identity, written, ""].into_iter().find_map(behind) {
            Some([]) => Self::Nothing,
            Some(password) => Self::Password(password.to_vec()),
            None => Self::Unreadable,
        }
    }

    /// The same, as the site takes it.
    pub fn brought(&self) -> Brought<'_> {
        match self {
            Self::Nothing => Brought::Nothing,
            Self::Password(password) => Brought::Password(password),
            Self::Unreadable => Brought::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;
    use http::HeaderValue;

    fn of(value: &str) -> Proof {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        Proof::of(&headers, "CP 1", "CP%201")
    }

    fn basic(user: &[u8]) -> String {
        format!("Basic {}", BASE64.encode(user))
    }

    #[test]
    fn names_are_read_as_charge_points_write_them() {
        let password = Proof::Password(b"secret:x".to_vec());
        for user in ["CP 1:secret:x", "cp 1:secret:x", "CP%201:secret:x", ":secret:x"] {
            assert_eq!(of(&basic(user.as_bytes())), password, "{user}");
        }
        for user in ["CP 2:secret:x", "CP 11:secret:x", "CP 1", "", "x:CP 1:secret"] {
            assert_eq!(of(&basic(user.as_bytes())), Proof::Unreadable, "{user}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&basic(b"a:b:c")).unwrap());
        assert_eq!(Proof::of(&headers, "a:b", "a:b"), Proof::Password(b"c".to_vec()));
    }

    #[test]
    fn an_empty_password_is_none() {
        assert_eq!(Proof::of(&HeaderMap::new(), "CP 1", "CP%201"), Proof::Nothing);
        assert_eq!(of(&basic(b"CP 1:")), Proof::Nothing);
        assert_eq!(of(&basic(b":")), Proof::Nothing);
    }

    #[test]
    fn schemes_and_padding_are_read_leniently_and_nonsense_is_none() {
        let bytes = [b"CP 1:".as_slice(), &[0x00, 0xff, 0x80]].concat();
        let text = BASE64.encode(&bytes);
        let expected = Proof::Password(vec![0x00, 0xff, 0x80]);
        for value in
            [format!("Basic {text}"), format!("basic  {}", text.trim_end_matches('=')), format!("BASIC {text} ")]
        {
            assert_eq!(of(&value), expected, "{value}");
        }
        for value in ["Basic", "Basic !", "Bearer abc", "x", &format!("Basic {}", "A".repeat(MOST + 1))] {
            assert_eq!(of(value), Proof::Unreadable, "{value}");
        }
    }
}
