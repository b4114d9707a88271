//! Exit codes with a meaning of their own. Beside them: 0 is success, 1 any other failure, 2 wrong options.

/// The store cannot go on (an I/O error, a corrupt file): the process ends, so that a new one opens the file
/// afresh and finds everything that was acknowledged. `EX_SOFTWARE` of sysexits.h.
pub const EXIT_FATAL_STORE: u8 = 70;
