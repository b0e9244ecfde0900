//! The rules of how folders lie in each other. Pure.

use std::ops::RangeInclusive;

/// Characters of a folder's name.
pub(crate) const NAME_CHARS: RangeInclusive<usize> = 1..=120;
/// How many folders lie in each other at the most.
pub(crate) const LEVELS: usize = 20;

/// Why a folder cannot lie in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// It would be its own ancestor.
    InItself,
    /// Something would lie too deep.
    TooDeep,
}

impl Misplaced {
    /// What is wrong with the parent.
    pub(crate) fn problem(self) -> &'static str {
        match self {
            Self::InItself => "must be neither the folder itself nor one that lies in it",
            Self::TooDeep => "lies too deep: folders nest 20 levels at the most",
        }
    }
}

/// Whether a folder may lie in a parent.
///
/// - `parents`: the parent and all it lies in; empty: the top level.
/// - `folder`: the folder that moves; none: a new one.
/// - `levels`: how many levels the folder and what lies in it take; a new one takes one.
pub(crate) fn place<I: PartialEq>(
    parents: &[I],
    folder: Option<&I>,
    levels: usize,
) -> Result<(), Misplaced> {
    if folder.is_some_and(|folder| parents.contains(folder)) {
        return Err(Misplaced::InItself);
    }
    if parents.len() + levels > LEVELS { Err(Misplaced::TooDeep) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lies_anywhere_but_in_itself_and_no_deeper_than_twenty_levels() {
        assert_eq!(place::<u8>(&[], None, 1), Ok(()));
        assert_eq!(place(&[], Some(&1), 20), Ok(()));
        assert_eq!(place(&[3, 2], Some(&1), 18), Ok(()));
        assert_eq!(place(&[3, 2], Some(&1), 19), Err(Misplaced::TooDeep));
        assert_eq!(place(&[1], Some(&1), 1), Err(Misplaced::InItself));
        assert_eq!(place(&[3, 2, 1], Some(&1), 1), Err(Misplaced::InItself));
        let nineteen: Vec<u8> = (0..19).collect();
        assert_eq!(place(&nineteen, None, 1), Ok(()));
        let twenty: Vec<u8> = (0..20).collect();
        assert_eq!(place(&twenty, None, 1), Err(Misplaced::TooDeep));
    }
}
