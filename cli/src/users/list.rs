//! `sentinel users list`

use store::UserStore;

const HEADINGS: [&str; 5] = ["NAME", "ROLE", "TENANT", "CREATED", "PASSWORD SET"];

/// Prints a table of all users.
pub(super) async fn run(users: &dyn UserStore) -> anyhow::Result<()> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(users.list_all().await?.into_iter().map(|user| {
        [
            user.name.to_string(),
            user.role.to_string(),
            user.tenant.to_string(),
            user.created_at.to_string(),
            user.password_changed_at.to_string(),
        ]
    }));
    crate::show_table(&rows);
    Ok(())
}
