//! Every error, and where it points.

use super::*;
use crate::limits::{QUERY_MAX_BYTES, QUERY_MAX_DEPTH, QUERY_MAX_PATTERNS, QUERY_MAX_TERMS};

fn assert_errors(cases: &[(&str, usize, &str)]) {
    for (text, position, reason) in cases {
        let error = parse(text).expect_err(text);
        assert_eq!(error.position, *position, "{text}: {error}");
        assert!(error.reason.contains(reason), "{text}: {error}");
    }
}

#[test]
fn operators_need_terms() {
    assert_errors(&[
        ("AND a", 0, "before AND"),
        ("OR", 0, "before OR"),
        ("a AND AND b", 6, "before AND"),
        ("a OR OR b", 5, "before OR"),
        ("a AND OR b", 6, "before OR"),
        ("a AND ", 6, "behind AND"),
        ("a OR", 4, "behind OR"),
        ("(a OR )", 6, "behind OR"),
        ("NOT", 3, "behind NOT"),
        ("a NOT ", 6, "behind NOT"),
        ("(a NOT)", 6, "behind NOT"),
        ("NOT NOT a", 4, "instead of NOT"),
        ("NOT AND a", 4, "instead of AND"),
        ("NOT -a", 4, "not both"),
        ("-NOT a", 1, "instead of NOT"),
        ("--x", 1, "expected one - only"),
        ("a -", 3, "behind -"),
        ("a - b", 3, "directly behind -"),
        ("-)", 1, "never opened"),
        ("(-)", 2, "behind -"),
    ]);
}

#[test]
fn parentheses_quotes_and_slashes_come_in_pairs() {
    assert_errors(&[
        ("(a", 2, "expected ) for the parenthesis at byte 0"),
        ("a (b OR (c)", 11, "expected ) for the parenthesis at byte 2"),
        ("(", 1, "behind ("),
        ("()", 1, "behind ("),
        ("a)", 1, "never opened"),
        (")", 0, "never opened"),
        ("a AND )", 6, "never opened"),
        ("f(x)", 1, "expected a space before the parenthesis"),
        ("\"a\"(b)", 3, "expected a space"),
        ("a \"b", 4, "expected a quote that ends the phrase from byte 2"),
        ("a\"b\"", 1, "expected a space before the quote"),
        ("\"a\"b", 3, "expected a space"),
        ("\"a\":b", 3, "neither in quotes"),
        ("\"\"", 0, "between the quotes"),
        ("\"a\\n\"", 2, "nothing else is escaped"),
        ("\"a\\", 2, "nothing else is escaped"),
        ("a\\", 2, "behind the backslash"),
        ("/a", 2, "expected a slash that ends the regular expression from byte 0"),
        ("/a\\/", 4, "expected a slash"),
        ("//", 1, "between the slashes"),
        ("/a/b", 3, "expected a space"),
        ("http://x", 6, "between the slashes"),
        ("ä /(/", 3, "unclosed group"),
        ("/a{100}{100}{100}/", 0, "too much memory"),
    ]);
}

#[test]
fn fields_need_values() {
    assert_errors(&[
        ("service:", 8, "expected a value behind the colon"),
        ("service: a", 8, "expected a value behind the colon"),
        ("(service:)", 9, "expected a value behind the colon"),
        ("service:\"\"", 8, "between the quotes"),
        ("message:\"\"", 8, "between the quotes"),
        (":a", 0, "expected a field's name"),
        ("@:a", 0, "expected a field's name"),
        ("attributes.:a", 0, "expected a field's name"),
        ("x :a", 2, "expected a field's name"),
        ("a*:b", 0, "no asterisks"),
        ("x:>", 3, "behind >"),
        ("x:>= 5", 4, "behind >="),
        ("x:>*", 4, "not *"),
        ("x:>a*", 3, "neither asterisks nor slashes"),
        ("x:>/a/", 3, "neither asterisks nor slashes"),
        ("x:>>5", 3, "behind >"),
        ("x:>[1 TO 5]", 3, "behind >"),
        ("x:<(a OR b)", 3, "behind <"),
        ("x:a\"b\"", 3, "before the quote"),
        ("x:f(a)", 3, "before the parenthesis"),
        ("x:\"a\"b", 5, "expected a space"),
    ]);
}

#[test]
fn lists_and_ranges_are_whole() {
    assert_errors(&[
        ("x:()", 3, "behind ("),
        ("x:(a", 4, "expected ) for the parenthesis at byte 2"),
        ("x:(a OR", 7, "behind OR"),
        ("x:(a OR )", 8, "behind OR"),
        ("x:(a b)", 5, "expected OR or )"),
        ("x:(a AND b)", 5, "expected OR or )"),
        ("x:(OR a)", 3, "operators as values are quoted"),
        ("x:(NOT a)", 3, "operators as values are quoted"),
        ("x:((a))", 3, "expected a value behind ("),
        ("x:(>5 OR 3)", 3, "expected a value behind ("),
        ("x:[", 3, "behind the bracket"),
        ("x:[]", 3, "behind the bracket"),
        ("x:[1 TO 5", 9, "expected ] or } for the bracket at byte 2"),
        ("x:[1 TO 5)", 9, "expected ] or }"),
        ("x:[1 TO]", 5, "expected TO"),
        ("x:[1 TO ]", 8, "behind TO"),
        ("x:[TO 5]", 3, "before TO"),
        ("x:[1 5]", 5, "expected TO"),
        ("x:[1 to 5]", 5, "expected TO"),
        ("x:[a* TO b]", 3, "neither asterisks nor slashes"),
        ("x:[1 TO >5]", 8, "behind TO"),
        ("x:[1 TO 5]y", 10, "expected a space"),
        ("x:[1 TO 5]]", 10, "expected a space"),
    ]);
}

#[test]
fn values_fit_their_fields() {
    assert_errors(&[
        ("level:loud", 6, "unknown severity"),
        ("level:>=loud", 8, "unknown severity"),
        ("level:[info TO loud]", 15, "unknown severity"),
        ("level:(warn OR loud)", 15, "unknown severity"),
        ("level:wa*", 6, "without asterisks"),
        ("level:/w/", 6, "not a regular expression"),
        ("timestamp:yesterday", 10, "not a time"),
        ("timestamp:>now-1y", 11, "expected now, or a distance"),
        ("received_at:>1900-01-01", 13, "out of range"),
        ("timestamp:now-*", 10, "without asterisks"),
        ("id:abc", 3, "an integer"),
        ("id:1.5", 3, "an integer"),
        ("id:99999999999999999999", 3, "an integer"),
        ("id:\"\"", 3, "an integer"),
    ]);
}

#[test]
fn a_range_in_which_nothing_can_lie_is_an_error() {
    for (text, position) in [
        ("x:[9 TO 5]", 2),
        ("x:{5 TO 5]", 2),
        ("a x:[10 TO 9.5]", 4),
        ("x:[b TO A]", 2),
        ("service:[b TO a]", 8),
        ("id:[9 TO 5]", 3),
        ("id:{5 TO 6}", 3),
        ("id:>9223372036854775807", 3),
        ("level:[error TO warn]", 6),
        ("level:{warn TO error}", 6),
        ("level:>fatal", 6),
        ("level:<trace", 6),
        ("timestamp:[now TO now-1h]", 10),
        ("timestamp:{now TO now]", 10),
        ("timestamp:<1970-01-01", 10),
        ("timestamp:>2261-12-31T23:59:59.999999Z", 10),
    ] {
        assert_errors(&[(text, position, "nothing can lie in this range")]);
    }
}

#[test]
fn a_query_has_bounds() {
    let error = parse(&vec!["a"; QUERY_MAX_TERMS + 1].join(" ")).unwrap_err();
    assert_eq!((error.position, error.reason.as_str()), (2000, "a query has at most 1000 terms"));
    let error = parse(&format!("x:({})", vec!["a"; QUERY_MAX_TERMS + 1].join(" OR "))).unwrap_err();
    assert_eq!((error.position, error.reason.as_str()), (5003, "a query has at most 1000 terms"));

    let error = parse(&"(".repeat(QUERY_MAX_BYTES)).unwrap_err();
    assert_eq!((error.position, error.reason.as_str()), (64, "a query's parentheses nest at most 64 deep"));
    let siblings = "(a) ".repeat(QUERY_MAX_DEPTH + 1);
    assert!(parse(&siblings).is_ok(), "parentheses beside each other are not deep");

    let error = parse(&"a* ".repeat(QUERY_MAX_PATTERNS + 1)).unwrap_err();
    assert_eq!(error.position, 3 * QUERY_MAX_PATTERNS);
    assert!(
        error.reason.starts_with("a query has at most 16 regular expressions and words with asterisks"),
        "{error}"
    );

    assert_errors(&[
        ("a*b*c*d*e*f*g*h*i*j*k*l*m*n*o*p*q*r", 0, "a word has at most 16 asterisks"),
        (r"/(?i)\p{L}/ /(?i)\p{L}/", 12, "go through at most 2000000 characters"),
    ]);

    let error = parse(&format!("{}a", "ä".repeat(QUERY_MAX_BYTES / 2))).unwrap_err();
    assert_eq!(error.reason, "a query has at most 10240 bytes, this one has 10241");
}

#[test]
fn a_caret_points_at_the_place() {
    let error = parse("ünï )b").unwrap_err();
    let lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines[1..], ["ünï )b", "    ^"]);
    assert!(lines[0].starts_with("at byte 6: this parenthesis"), "{}", lines[0]);

    let long = format!("{}\n){}", "a".repeat(100), "b".repeat(100));
    let lines: Vec<String> = parse(&long).unwrap_err().to_string().lines().map(str::to_owned).collect();
    let shown = format!("{} ){}", "a".repeat(39), "b".repeat(39));
    assert_eq!(lines[1..], [shown, format!("{}^", " ".repeat(40))]);
}
