//! Logging in and out, and who one is: the page of routes.
//!
//! * `password_check` a name and a password are compared, however they came
//! * `session` a session begins, with its cookie
//! * `bodies` how the bodies look

mod bodies;
mod change_password;
mod issue_token;
mod log_in;
mod log_out;
mod me;
mod pages;
pub(super) mod password_check;
mod session;
mod set_up;

use poem::{Request, Result};
use poem_openapi::OpenApi;
use sentinel_http::{Authenticated, OperationNotes, ProblemNote};

use super::{Context, Group, json_body, noting};
use bodies::{LoginBody, PasswordsBody, SetUpBody, TokenBody};
use change_password::ChangeAnswer;
use issue_token::TokenAnswer;
use log_in::LoginAnswer;
use log_out::LogoutAnswer;
use me::MeAnswer;
use pages::{ScriptAnswer, SetUpPage, StyleAnswer};
use set_up::SetUpAnswer;

/// The operations on logins.
#[derive(Clone)]
pub struct AuthApi(pub Context);

#[OpenApi]
impl AuthApi {
    /// Log in
    ///
    /// Begins a session, which the cookie `sentinel_session` carries. For pages; programs use a key or an access token.
    #[oai(path = "/api/v1/auth/login", method = "post", operation_id = "logIn", tag = "Group::Users")]
    async fn log_in(&self, request: &Request, body: LoginBody) -> Result<LoginAnswer> {
        log_in::handle(&self.0, request, &body).await
    }

    /// Log out
    ///
    /// Ends the session that the cookie carries, if there is one, at once.
    #[oai(path = "/api/v1/auth/logout", method = "post", operation_id = "logOut", tag = "Group::Users")]
    async fn log_out(&self, request: &Request) -> Result<LogoutAnswer> {
        log_out::handle(&self.0, request).await
    }

    /// Who am I?
    ///
    /// For every credential that works: a key, a session or an access token.
    #[oai(path = "/api/v1/auth/me", method = "get", operation_id = "whoAmI", tag = "Group::Users")]
    async fn me(&self, caller: Authenticated, request: &Request) -> Result<MeAnswer> {
        me::handle(&self.0, &caller, request).await
    }

    /// Change the password
    ///
    /// Of the user who asks. Ends all other sessions of the user, and all access tokens.
    #[oai(
        path = "/api/v1/auth/password",
        method = "post",
        operation_id = "changePassword",
        tag = "Group::Users"
    )]
    async fn change_password(
        &self,
        caller: Authenticated,
        request: &Request,
        body: PasswordsBody,
    ) -> Result<ChangeAnswer> {
        change_password::handle(&self.0, &caller, request, &body).await
    }

    /// Get an access token
    ///
    /// As OAuth 2.0's password grant and FastAPI's `OAuth2PasswordRequestForm` have it. The token goes as
    /// `Authorization: Bearer <token>` to every operation of both services; it ends with its time, and with the password.
    #[oai(path = "/api/v1/auth/token", method = "post", operation_id = "issueToken", tag = "Group::Users")]
    async fn issue_token(&self, request: &Request, body: TokenBody) -> Result<TokenAnswer> {
        issue_token::handle(&self.0, request, &body).await
    }

    /// Use the set-up link
    ///
    /// Makes a user with the role admin in the tenant `default`, and logs in. The link is printed at the start of a
    /// service that has no user yet, and by `sentinel users setup-link`; it works once.
    #[oai(path = "/api/v1/auth/setup", method = "post", operation_id = "setUp", tag = "Group::Users")]
    async fn set_up(&self, request: &Request, body: SetUpBody) -> Result<SetUpAnswer> {
        set_up::handle(&self.0, request, &body).await
    }

    /// The page of the set-up link
    #[oai(path = "/setup", method = "get", operation_id = "setUpPage", tag = "Group::Users")]
    async fn set_up_page(&self) -> SetUpPage {
        SetUpPage::new()
    }

    /// What the page of the set-up link runs
    #[oai(path = "/setup.js", method = "get", operation_id = "setUpScript", tag = "Group::Users")]
    async fn set_up_script(&self) -> ScriptAnswer {
        ScriptAnswer::new()
    }

    /// What the page of the set-up link looks like
    #[oai(path = "/setup.css", method = "get", operation_id = "setUpStyle", tag = "Group::Users")]
    async fn set_up_style(&self) -> StyleAnswer {
        StyleAnswer::new()
    }
}

const CROSS_SITE: ProblemNote =
    ProblemNote { status: 403, description: "A page of another origin sent the request." };
const TOO_MANY: ProblemNote =
    ProblemNote { status: 429, description: "Too many logins failed; `Retry-After` says when to try again." };
const BUSY: ProblemNote =
    ProblemNote { status: 503, description: "Not at the moment; `Retry-After` says when to try again." };

/// What the document says of these operations beside what their code says.
pub(super) const NOTES: &[OperationNotes] = &[
    OperationNotes {
        operations: &["logIn", "issueToken"],
        query: &[],
        problems: &[
            ProblemNote { status: 401, description: "The user name or the password is wrong." },
            CROSS_SITE,
            TOO_MANY,
            BUSY,
        ],
    },
    OperationNotes {
        operations: &["logOut"],
        query: &[],
        problems: &[
            ProblemNote { status: 400, description: "There are two different sessions." },
            CROSS_SITE,
            BUSY,
        ],
    },
    OperationNotes {
        operations: &["changePassword"],
        query: &[],
        problems: &[
            ProblemNote { status: 403, description: "The old password is wrong, or the caller is no user." },
            TOO_MANY,
            ProblemNote { status: 507, description: "The disk is full; the password is as it was." },
        ],
    },
    OperationNotes {
        operations: &["setUp"],
        query: &[],
        problems: &[
            ProblemNote { status: 401, description: "The link was used or renewed, or its time is over." },
            CROSS_SITE,
            ProblemNote { status: 409, description: "There is a user of this name." },
            TOO_MANY,
            BUSY,
            ProblemNote { status: 507, description: "The disk is full; no user was made." },
        ],
    },
];
