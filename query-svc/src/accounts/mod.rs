//! People and their passwords, without HTTP.
//!
//! * [`passwords`] hashes and compares them, two at a time
//! * [`rules`] what a password has to be like
//! * [`set_up_link`] how the first user comes in: there is no password that a program brings along

pub mod passwords;
pub mod rules;
pub mod set_up_link;

pub use passwords::{Passwords, PasswordsBusy};
pub use rules::{InvalidPassword, check_password};
