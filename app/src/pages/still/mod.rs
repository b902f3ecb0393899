//! What does not move: the server alone draws it, in both languages (see [`crate::text::Both`]), and the browser carries neither its
//! code nor its words.

mod bulk;
mod cards;
pub(crate) mod distribution;
mod form;
mod operation;
mod session_query;

pub(crate) use bulk::bulk;
pub(crate) use operation::groups;
pub(crate) use session_query::session_query;
