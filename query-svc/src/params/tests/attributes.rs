//! Attributes that are asked for by name.

use testkit::build::record;

use super::*;

const ATTRIBUTES: &str = r#"{"environment":"Prod","status":"FAILED","http":{"status":500},"a.b":"x,y","empty":"",
    "tags":["red","blue"],"ticket_id":"T-17","category":"billing","big":9007199254740993,"on":true}"#;

#[test]
fn an_attribute_is_selected_by_its_value() {
    let record = record("m").attributes(ATTRIBUTES);
    let cases = [
        ("attr.environment=prod", true),
        ("attr.environment=test", false),
        ("environment=PROD", true),
        ("environment=test", false),
        ("status=failed&category=billing&ticket_id=T-17", true),
        ("status=failed&category=other", false),
        ("attr.http.status=500", true),
        ("attr.http.status=5e2", true),
        ("attr.http.status=501", false),
        ("attr.http.status=404,500", true),
        ("attr.http.status=404&attr.http.status=500", true),
        ("attr.http.status=500&attr.environment=test", false),
        (r"attr.a.b=x\,y", true),
        ("attr.a.b=x,y", false),
        ("attr.tags=blue", true),
        ("attr.empty=", true),
        ("attr.status=", false),
        ("attr.big=9007199254740993", true),
        ("attr.big=9007199254740992", false),
        ("attr.on=true", true),
        ("attr.missing=x", false),
        ("environment=test&attr.environment=prod", true),
        ("attr.message=m", false),
    ];
    for (query, expected) in cases {
        assert_eq!(filter(query).unwrap().matches(1, &record.as_record_ref()), expected, "{query}");
    }
}

#[test]
fn an_attribute_without_a_name_or_with_a_hole_in_its_list_is_refused() {
    let cases = [
        ("attr.=x", "parameter attr.: expected an attribute's name"),
        ("attr.a=x,,y", "parameter attr.a: a value in a list is never empty"),
        ("status=FAILED,", "parameter status: a value in a list"),
        ("attr=x", "unknown parameter"),
        ("attrs.a=x", "attr.<name>"),
    ];
    for (query, expected) in cases {
        let problem = filter(query).expect_err(query);
        assert_eq!(problem.status().as_u16(), 400, "{query}");
        assert!(problem.detail().contains(expected), "{query}: {}", problem.detail());
    }
}
