//! Asking token filters: which clauses are true of no record of a block, because it lacks a token that they need.

use std::collections::BTreeMap;

use domain::Condition;
use domain::condition::{AttributeTest, Clause, TextField};
use sqlx::SqliteConnection;
use store::{Effort, StoreError};

use super::Selection;
use crate::block::{Malformed, SLICES, TokenHash, TokenKind, may_hold};
use crate::blocks::{BlockRow, corrupt, read_slices};

/// How many tokens of a clause are asked for at most: the longest ones, which are the rarest.
const TOKENS_ASKED_OF_CLAUSE: usize = 4;

/// How many tokens of a filter are asked for at most, so that a long one does not read all slices of all blocks.
const TOKENS_ASKED: usize = 64;

/// What is asked for a clause.
#[derive(Debug, Clone, Default)]
pub(super) struct AskedClause {
    tokens: Vec<(String, TokenHash)>,
    /// Filters of the first kind do not know its tokens.
    asks_only_full_filters: bool,
}

impl AskedClause {
    /// Returns what is asked for each clause of a condition, in order.
    pub(super) fn all_of(condition: &Condition) -> Vec<Self> {
        let mut asked = Vec::new();
        let mut tokens_left = TOKENS_ASKED;
        condition.for_each_clause(&mut |clause| {
            let of_clause = Self::of(clause, tokens_left);
            tokens_left -= of_clause.tokens.len();
            asked.push(of_clause);
        });
        asked
    }

    fn of(clause: &Clause, tokens_left: usize) -> Self {
        let mut tokens = clause.tokens();
        tokens.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        tokens.dedup();
        tokens.truncate(TOKENS_ASKED_OF_CLAUSE.min(tokens_left));
        let asks_only_full_filters = match clause {
            Clause::Text(field, _) => *field != TextField::Message,
            Clause::Attribute(_, AttributeTest::Equals { number, .. }) => number.is_some(),
            _ => false,
        };
        let hashed = |token: String| {
            let hash = TokenHash::of(&token);
            (token, hash)
        };
        Self { tokens: tokens.into_iter().map(hashed).collect(), asks_only_full_filters }
    }

    fn may_be_asked_of(&self, filter: Option<TokenKind>) -> bool {
        match filter {
            None => false,
            Some(TokenKind::MessagesAndAttributes) => !self.asks_only_full_filters,
            Some(TokenKind::All) => true,
        }
    }
}

impl Selection {
    /// Asks the token filters of blocks, those that may hold a selected record, which clauses are true of none.
    pub(crate) async fn ask_token_filters(
        &self,
        snapshot: &mut SqliteConnection,
        blocks: &mut [BlockRow],
        effort: &mut Effort,
    ) -> Result<(), StoreError> {
        if self.asked.iter().all(|asked| asked.tokens.is_empty()) {
            return Ok(());
        }
        let open: Vec<usize> = (0..blocks.len()).filter(|at| self.may_be_asked(&blocks[*at])).collect();
        let mut ids = Vec::new();
        for at in &open {
            ids.extend(self.tokens_for(&blocks[*at]).map(|(_, token)| slice_id(&blocks[*at], *token)));
        }
        if ids.is_empty() {
            return Ok(());
        }
        ids.sort_unstable();
        ids.dedup();
        if effort.tokens.is_empty() {
            let tokens = self.asked.iter().flat_map(|asked| &asked.tokens);
            effort.tokens = tokens.map(|(token, _)| token.clone()).collect();
        }
        effort.token_slices_read += ids.len() as u64;
        let slices = read_slices(snapshot, ids).await?;
        for at in open {
            let block = &mut blocks[at];
            block.lacks = self.lacking(block, &slices).map_err(|e| corrupt(block.id, "token filter", e))?;
        }
        Ok(())
    }

    fn may_be_asked(&self, block: &BlockRow) -> bool {
        block.token_filter.is_some() && !self.coverage(block).is_none()
    }

    fn tokens_for<'a>(&'a self, block: &BlockRow) -> impl Iterator<Item = &'a (String, TokenHash)> {
        let filter = block.token_filter;
        let asked = self.asked.iter().filter(move |asked| asked.may_be_asked_of(filter));
        asked.flat_map(|asked| &asked.tokens)
    }

    fn lacking(&self, block: &BlockRow, slices: &BTreeMap<i64, Vec<u8>>) -> Result<Vec<bool>, Malformed> {
        let mut lacking = Vec::with_capacity(self.asked.len());
        for asked in &self.asked {
            let mut lacks = false;
            for (_, token) in &asked.tokens {
                if lacks || !asked.may_be_asked_of(block.token_filter) {
                    break;
                }
                let slice = slices.get(&slice_id(block, *token)).ok_or(Malformed("a slice is missing"))?;
                lacks = !may_hold(slice, *token)?;
            }
            lacking.push(lacks);
        }
        Ok(lacking)
    }
}

fn slice_id(block: &BlockRow, token: TokenHash) -> i64 {
    block.id * SLICES as i64 + token.slice() as i64
}
