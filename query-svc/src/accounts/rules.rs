//! What a password has to be like when it is set. Length is what counts (NIST SP 800-63B); no kind of character is asked for.

use std::collections::HashSet;

use domain::UserName;
use thiserror::Error;

/// Least bytes of a password.
pub const PASSWORD_MIN_BYTES: usize = 12;

/// Most bytes of a password.
pub const PASSWORD_MAX_BYTES: usize = 1024;

/// Least different characters of a password.
const DIFFERENT_CHARS_MIN: usize = 5;

/// What many people take when twelve characters are asked for, in small letters.
const COMMON: [&str; 32] = [
    "123456789012",
    "1234567890123",
    "12345678901234567890",
    "0123456789ab",
    "0123456789abcdef",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "abcdefghijkl",
    "abcdefghijklmnopqrstuvwxyz",
    "abcd1234abcd",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopasdfghjkl",
    "qwerty123456",
    "qwertyqwerty",
    "asdfghjklqwertyuiop",
    "passwordpassword",
    "password1234",
    "password12345",
    "password123456",
    "password123!",
    "p@ssw0rd1234",
    "adminadmin123",
    "administrator",
    "administrator1",
    "changemechangeme",
    "changeme1234",
    "letmeinletmein",
    "letmein12345",
    "iloveyou1234",
    "correcthorsebatterystaple",
];

/// Why a text cannot be a password. Never says the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidPassword {
    /// It has too few or too many bytes.
    #[error("a password has {PASSWORD_MIN_BYTES} to {PASSWORD_MAX_BYTES} bytes")]
    Length,
    /// It is the user's name.
    #[error("a password is not the user's name")]
    IsUserName,
    /// It is among the first that somebody would try.
    #[error("this password is among the first that somebody would try; choose another, such as some words")]
    Common,
}

/// Checks a password that is to be set.
///
/// # Errors
/// [`InvalidPassword`].
pub fn check_password(password: &str, user: &UserName) -> Result<(), InvalidPassword> {
    if !(PASSWORD_MIN_BYTES..=PASSWORD_MAX_BYTES).contains(&password.len()) {
        return Err(InvalidPassword::Length);
    }
    if password.trim().eq_ignore_ascii_case(user.as_str()) {
        return Err(InvalidPassword::IsUserName);
    }
    let small = password.trim().to_lowercase();
    let different: HashSet<char> = small.chars().collect();
    if different.len() < DIFFERENT_CHARS_MIN || COMMON.contains(&small.as_str()) {
        return Err(InvalidPassword::Common);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_neither_common_nor_the_users_name() {
        let ann = UserName::parse("ann.of.the.hill").unwrap();
        let table = [
            ("ten green bottles", Ok(())),
            ("пароль-из-слов", Ok(())),
            (&"x1y2z3".repeat(170), Ok(())),
            ("elevenchars", Err(InvalidPassword::Length)),
            ("", Err(InvalidPassword::Length)),
            (&"x1y2z3".repeat(171), Err(InvalidPassword::Length)),
            ("Ann.Of.The.Hill", Err(InvalidPassword::IsUserName)),
            ("Password1234", Err(InvalidPassword::Common)),
            ("aaaaaaaaaaaaaaaa", Err(InvalidPassword::Common)),
            ("abababababab", Err(InvalidPassword::Common)),
        ];
        for (password, expected) in table {
            assert_eq!(check_password(password, &ann), expected, "{password}");
        }
    }

    #[test]
    fn the_common_ones_are_long_enough_to_be_needed_and_in_small_letters() {
        let is_listed_well = |text: &&str| text.len() >= PASSWORD_MIN_BYTES && **text == text.to_lowercase();
        assert!(COMMON.iter().all(is_listed_well));
    }
}
