//! The bodies of logins. They hold passwords: what is wrong with one is told without what it holds.

use bytes::Bytes;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};
use sentinel_http::Problem;
use serde::Deserialize;

use super::json_body::{BodySchema, FORM, JSON, JsonBody, media_type, read};

/// A name and a password.
pub(super) type LoginBody = JsonBody<LoginSchema>;

/// An old and a new password.
pub(super) type PasswordsBody = JsonBody<PasswordsSchema>;

/// The token of a set-up link, a name and a password.
pub(super) type SetUpBody = JsonBody<SetUpSchema>;

/// A name and a password.
#[derive(Object)]
#[oai(rename = "Login", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct LoginSchema {
    /// The user's name; large and small letters are the same. Example: `ann`.
    username: String,
    /// The password.
    #[oai(validator(max_length = 1024))]
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: String,
}

/// An old and a new password.
#[derive(Object)]
#[oai(rename = "NewPassword", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct PasswordsSchema {
    /// The password up to now.
    #[oai(validator(max_length = 1024))]
    old_password: String,
    /// The password from now on: 12 to 1,024 bytes, not the user's name, and no common one.
    #[oai(validator(max_length = 1024))]
    new_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OldAndNew {
    pub(super) old_password: String,
    pub(super) new_password: String,
}

/// The token of a set-up link, and the user to make.
#[derive(Object)]
#[oai(rename = "SetUp", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct SetUpSchema {
    /// What stands behind `#token=` in the link.
    token: String,
    /// The user's name: 1 to 64 characters of a-z, 0-9, '.', '_', '-' and '@'. Example: `ann`.
    username: String,
    /// The password: 12 to 1,024 bytes, not the user's name, and no common one.
    #[oai(validator(max_length = 1024))]
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetUp {
    pub(super) token: String,
    pub(super) username: String,
    pub(super) password: String,
}

impl BodySchema for LoginSchema {
    const DESCRIPTION: &'static str = "Who logs in.";
    const NAME: &'static str = "login (username, password)";
}

impl BodySchema for PasswordsSchema {
    const DESCRIPTION: &'static str = "The passwords.";
    const NAME: &'static str = "change of a password (old_password, new_password)";
}

impl BodySchema for SetUpSchema {
    const DESCRIPTION: &'static str = "The link's token, and the user to make.";
    const NAME: &'static str = "set-up (token, username, password)";
}

/// A name and a password as OAuth 2.0's password grant sends them, in a form; or in JSON.
pub(super) struct TokenBody {
    bytes: Bytes,
    is_json: bool,
}

/// A name and a password; what else a form of OAuth 2.0 has (`grant_type`, `scope`, ...) is not looked at.
#[derive(Object)]
#[oai(rename = "TokenRequest", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
struct TokenSchema {
    /// The user's name. Example: `ann`.
    username: String,
    /// The password.
    #[oai(validator(max_length = 1024))]
    password: String,
}

#[derive(Deserialize)]
struct TokenRequest {
    username: String,
    password: String,
}

impl TokenBody {
    /// Returns who asks for a token.
    ///
    /// # Errors
    /// A 400.
    pub(super) fn parse(&self) -> Result<Login, Problem> {
        let malformed = || {
            let detail = "the body is no request for a token: expected username and password, once each";
            Problem::bad_request("malformed_body", detail)
        };
        if self.is_json {
            let request: TokenRequest = serde_json::from_slice(&self.bytes).map_err(|_| malformed())?;
            return Ok(Login { username: request.username, password: request.password });
        }
        let (mut username, mut password) = (None, None);
        for (name, value) in form_urlencoded::parse(&self.bytes) {
            let field = match &*name {
                "username" => &mut username,
                "password" => &mut password,
                _ => continue,
            };
            if field.replace(value.into_owned()).is_some() {
                return Err(malformed());
            }
        }
        username.zip(password).map(|(username, password)| Login { username, password }).ok_or_else(malformed)
    }
}

impl<'a> ApiExtractor<'a> for TokenBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        TokenSchema::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = [FORM, JSON]
            .map(|content_type| MetaMediaType { content_type, schema: TokenSchema::schema_ref() });
        Some(MetaRequest { description: Some("Who asks."), content: content.into(), required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let bytes = read(request, body).await?;
        let is_json =
            media_type(request).eq_ignore_ascii_case(JSON) || bytes.trim_ascii_start().starts_with(b"{");
        Ok(Self { bytes, is_json })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, is_json: bool) -> Result<(String, String), String> {
        let body = TokenBody { bytes: text.to_owned().into(), is_json };
        let login = body.parse().map_err(|problem| problem.detail().to_owned())?;
        Ok((login.username, login.password))
    }

    #[test]
    fn a_form_of_oauth_is_read_and_its_other_fields_are_not_looked_at() {
        let ann = Ok(("ann".to_owned(), "a b&c+ä".to_owned()));
        let form =
            "grant_type=password&username=ann&password=a+b%26c%2B%C3%A4&scope=&client_id=x&client_secret=";
        assert_eq!(parsed(form, false), ann);
        assert_eq!(parsed(r#"{"username":"ann","password":"a b&c+ä","grant_type":""}"#, true), ann);
        for wrong in ["", "username=ann", "password=geheim1", "username=a&username=b&password=geheim1"] {
            assert!(!parsed(wrong, false).unwrap_err().contains("geheim"), "{wrong}");
        }
        assert!(!parsed(r#"{"username":"ann","password":7777}"#, true).unwrap_err().contains("7777"));
    }
}
