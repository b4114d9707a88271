//! Columns of texts: whatever goes in comes out, in whatever form, and a search finds what it should.

use domain::TextMatch;
use proptest::prelude::*;

use super::*;
use crate::block::frame::Content;

/// What texts of the tests are made of: few fixed parts, so that templates are found, and pieces of every kind.
fn any_part() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(&[" ", "user u", " in ", "ms", "-", ".", "ſ İ", "Ärger ", "x", "ord-"][..])
            .prop_map(str::to_owned),
        2 => "[0-9]{1,3}",
        1 => "0{0,3}[0-9]{1,22}",
        1 => "[0-9a-f]{7,17}",
        1 => "[0-9A-F]{8,9}",
        1 => "[0-9a-fA-F]{8}",
        1 => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        1 => "[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12,13}",
        1 => ".{0,3}",
    ]
}

/// Texts of few templates, with others in between.
fn any_texts() -> impl Strategy<Value = Vec<String>> {
    let template = prop_oneof![
        Just("Payment {} for user u{} in {} ms"),
        Just("{}"),
        Just("a{}.{}"),
        Just("trace {} Ä{}"),
        Just("{}ms on u{}"),
    ];
    let of_template = (template, prop::collection::vec(any_part(), 3)).prop_map(|(template, parts)| {
        parts.iter().fold(template.to_owned(), |text, part| text.replacen("{}", part, 1))
    });
    let any = prop::collection::vec(any_part(), 0..6).prop_map(|parts| parts.concat());
    prop_oneof![
        prop::collection::vec(prop_oneof![9 => of_template, 1 => any], 0..120),
        // Numbers that grow, repeat, or have one width.
        (0..u64::MAX, 1..99_u64, 1..5_usize).prop_map(|(start, step, width)| (0..64)
            .map(|n| format!("{:0width$}", start.wrapping_add(n * step)))
            .collect()),
    ]
}

fn any_scalar() -> impl Strategy<Value = String> {
    const ODD: [&str; 10] = [
        "1e400",
        "-0.0",
        "true",
        "null",
        r#""""#,
        r#""a\"b\\""#,
        r#""web-12""#,
        "[1, 2,3]",
        "{ }",
        r#""\u0000""#,
    ];
    prop_oneof![
        prop::sample::select(&ODD[..]).prop_map(str::to_owned),
        any::<i16>().prop_map(|n| n.to_string()),
        "[0-9a-f]{32}".prop_map(|hex| format!("\"{hex}\"")),
        any_part().prop_map(|text| format!("{text:?}")),
    ]
}

/// JSON of few shapes, with duplicate keys and odd spaces, and what is no JSON.
fn any_json() -> impl Strategy<Value = Vec<String>> {
    let shape = prop_oneof![
        Just(r#"{"trace":{},"host":{}}"#),
        Just(r#"{"a" : {}, "a":{"b":{} }}"#),
        Just("{\"n\":\t[{},{}]}"),
        Just(r#"{"broken":"{},{}"#),
    ];
    let json = (shape, any_scalar(), any_scalar())
        .prop_map(|(shape, first, second)| shape.replacen("{}", &first, 1).replacen("{}", &second, 1));
    prop::collection::vec(prop_oneof![3 => json, 1 => Just(String::new())], 0..100)
}

fn any_match() -> impl Strategy<Value = TextMatch> {
    let text = prop_oneof![
        prop::sample::select(
            &["user", "u", "ms", " in ", "s", "k", "ord-1", "i\u{307}", "-4", "ment ", "ärger", "er U"][..]
        )
        .prop_map(str::to_owned),
        any_part(),
        (any_part(), any_part()).prop_map(|(a, b)| a + &b),
        "[0-9a-f-]{1,3}",
    ];
    (text, any::<bool>()).prop_filter_map("nothing to look for", |(text, whole_words)| {
        if whole_words { TextMatch::phrase(&text) } else { TextMatch::part(&text) }
    })
}

fn spans(texts: &[String]) -> Vec<Span> {
    let ends = texts.iter().scan(0, |end, text| {
        let start = *end;
        *end += text.len();
        Some(start..*end)
    });
    ends.map(|range| Span::new(range).unwrap()).collect()
}

fn split(texts: &[String], mode: Mode) -> Content {
    let mut content = Content::default();
    put_split(&mut content, Source { joined: &texts.concat(), spans: &spans(texts) }, mode);
    content
}

fn read(content: &Content, count: usize) -> Result<Texts, Malformed> {
    Texts::read(&mut Reader::new(&content.bytes), count)
}

fn all(texts: &Texts) -> Vec<String> {
    (0..texts.len()).map(|row| texts.get(row).into_owned()).collect()
}

proptest! {
    #[test]
    fn texts_come_back_byte_for_byte(texts in any_texts()) {
        let content = split(&texts, Mode::Numbers);
        prop_assert_eq!(all(&read(&content, texts.len()).unwrap()), texts);
    }

    #[test]
    fn attributes_come_back_byte_for_byte(texts in any_json()) {
        let content = split(&texts, Mode::Json);
        prop_assert_eq!(all(&read(&content, texts.len()).unwrap()), texts);
    }

    #[test]
    fn the_rows_that_match_are_those_whose_texts_do(texts in any_texts(), looked_for in any_match()) {
        let expected: Vec<bool> = texts.iter().map(|text| looked_for.matches(text)).collect();
        let mut plain = Content::default();
        put_plain(&mut plain, Source { joined: &texts.concat(), spans: &spans(&texts) });
        for content in [plain, split(&texts, Mode::Numbers), split(&texts, Mode::Json)] {
            let read = read(&content, texts.len()).unwrap();
            prop_assert_eq!(&read.matching_rows(&looked_for), &expected, "{:?} in {:?}", looked_for, texts);
        }
    }

    #[test]
    fn a_damaged_column_is_an_error_or_other_texts_and_never_a_panic(
        texts in any_texts(),
        json in any_json(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for (texts, mode) in [(texts, Mode::Numbers), (json, Mode::Json)] {
            let mut content = split(&texts, mode);
            for (place, byte) in &damages {
                let place = place.index(content.bytes.len());
                content.bytes[place] = *byte;
            }
            if let Ok(read) = read(&content, texts.len()) {
                prop_assert_eq!(all(&read).len(), texts.len());
                let _ = read.matching_rows(&TextMatch::part("1 m").unwrap());
            }
        }
    }
}

#[test]
fn lines_that_differ_in_their_numbers_only_are_kept_as_one_template() {
    let texts: Vec<String> = (0..1000_u64)
        .map(|n| format!("order ord-{:09} took {} ms", n * 7_919_333 % 999_999_937, n % 97))
        .collect();

    let content = split(&texts, Mode::Numbers);

    assert_eq!(content.bytes[0], TEMPLATED);
    assert!(content.bytes.len() < 5100, "four bytes and one a line: {}", content.bytes.len());
}

#[test]
fn attributes_share_a_column_for_each_key_whatever_else_they_have() {
    let texts: Vec<String> = (0..600_u64)
        .map(|n| {
            let trace = u128::from(n) * 0x1234_5678_9abc_def1_2345_6789;
            let rest = ["", r#""ok":true,"#, r#""ms":17,"#][(n % 3) as usize];
            format!(r#"{{{rest}"trace":"{trace:032x}","host":"web-{}"}}"#, n % 20)
        })
        .collect();

    let content = split(&texts, Mode::Json);

    assert_eq!(all(&read(&content, texts.len()).unwrap()), texts);
    assert_eq!(content.bytes[..2], [TEMPLATED, 4], "columns of trace, host, ok and ms");
    assert!(content.bytes.len() < 600 * 19 + 300, "16 + 2 bytes a line: {}", content.bytes.len());
}

#[test]
fn texts_that_are_made_to_cost_much_stay_whole() {
    let digits = "1,".repeat(100_000);
    let no_two_alike: Vec<String> = (0..5000)
        .map(|n: u32| {
            let word: String = n.to_string().bytes().map(|digit| char::from(digit + 49)).collect();
            format!("{word} 1")
        })
        .collect();
    let deep: Vec<String> = (0..200)
        .map(|n| {
            let keys: String = (0..128).map(|key| format!(r#""k{n}x{key}":{{"#)).collect();
            format!("{{{keys}")
        })
        .collect();

    // Each four of the first half need three columns of their own; the second half shares one.
    let many_columns = (0..2000_u32)
        .map(|n| {
            let word: String = (n / 4).to_string().bytes().map(|digit| char::from(digit + 60)).collect();
            format!("{word}: {n} {word}: {:08x}a1 {word}: {n}", n.wrapping_mul(0x9E37_79B9))
        })
        .chain((0..2000).map(|n| format!("common {n}")))
        .collect::<Vec<_>>();

    for texts in [vec![digits; 20], no_two_alike, deep, many_columns] {
        for mode in [Mode::Numbers, Mode::Json] {
            let content = split(&texts, mode);
            let bytes: usize = texts.iter().map(String::len).sum();
            assert!(content.bytes.len() < bytes + 4 * texts.len(), "{} of {bytes}", content.bytes.len());
            let read = read(&content, texts.len()).unwrap();
            assert_eq!(all(&read), texts);
            if let Form::Templated(templated) = read.0 {
                assert!(templated.columns.len() <= 512, "{}", templated.columns.len());
            }
        }
    }
}

#[test]
fn every_line_of_real_logs_comes_back() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/loghub");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let content = split(&lines, Mode::Numbers);
        assert!(content.bytes.len() < text.len() + 3 * lines.len());
        assert_eq!(all(&read(&content, lines.len()).unwrap()), lines);
        files += 1;
    }
    assert!(files >= 6, "{files}");
}

#[test]
fn fixed_texts_that_are_cut_inside_of_a_letter_are_malformed() {
    // One column of digits; one template: a byte, a piece, a byte. Then a number each, and no other texts.
    let template = |fixed: [u8; 2]| {
        let parts: [&[u8]; 6] =
            [&[TEMPLATED, 1, 0, 0], &[1, 1, 1, 0, 1], &fixed, &[0, 1], &[0, 0, 7], &[ALL_EMPTY]];
        parts.concat()
    };
    let read = |bytes: &[u8]| Texts::read(&mut Reader::new(bytes), 2);

    assert_eq!(all(&read(&template(*b"ab")).unwrap()), ["a7b", "a7b"]);
    let letter: [u8; 2] = "Ä".as_bytes().try_into().unwrap();
    assert_eq!(read(&template(letter)).unwrap_err(), Malformed("a fixed text is not UTF-8"));
}

#[test]
fn a_word_or_phrase_is_found_only_where_no_digit_or_letter_touches_it() {
    let cases = [
        ("ms", "7 MS", true),
        ("ms", "7ms 1", false),
        ("ms", "1 ms7", false),
        ("ms", "7 xms", false),
        ("ms", "7 xms-ms", true),
        ("a-a", "7 xa-a-a", true),
    ];
    for (phrase, text, is_match) in cases {
        let texts = vec![text.to_owned(); 40];
        let mut plain = Content::default();
        put_plain(&mut plain, Source { joined: &texts.concat(), spans: &spans(&texts) });
        for content in [plain, split(&texts, Mode::Numbers)] {
            let matches = read(&content, 40).unwrap().matching_rows(&TextMatch::phrase(phrase).unwrap());
            assert_eq!(matches, [is_match; 40], "{phrase} in {text}");
        }
    }
}
