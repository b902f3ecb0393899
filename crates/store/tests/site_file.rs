//! Site files that cannot be taken: one line each, which names the place, and nothing is changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_store::site_file::SiteFile;
use bmw_store::{ImportMode, Store};
use common::{Site, run, written};

const GOOD: &str = r#"{"chargers": [{"vchchargerid": "a", "vchmodelid": ""}],
 "charging_records": [{"intrecordid": 7, "vchchargerid": "a", "dblenergy": 2.5}]}"#;

const SETTINGS: &str = r#"{"vchcardreadercom": "Com10", "yeainstallyear": "2013", "intinstallmonth": 100,
 "blncurrentdistribution": 1, "vchpowermetercom": "Com4", "vchpowersequence": "ABC", "intcurrency": 86,
 "dblchargingdeductionpower": 3.0, "intchargingdeductionminute": 120, "intdeductionprioritypower": 2,
 "intdeductionpriorityminute": 1, "dblpowercoefficient": 0.001, "blninternaltesting": 1, "intmaxcurrenta": 32,
 "intmaxcurrentb": 32, "intmaxcurrentc": 32}"#;

/// Sessions of charge point `a`: a good one, then this one.
fn session(fields: &str) -> String {
    format!(
        r#"{{"chargers": [{{"vchchargerid": "a", "vchmodelid": ""}}], "charging_records": [
        {{"intrecordid": 6, "vchchargerid": "a", "dblenergy": 1}}, {{{fields}}}]}}"#
    )
}

fn settings(from: &str, to: &str) -> String {
    assert!(SETTINGS.contains(from));
    format!(r#"{{"settings": {}}}"#, SETTINGS.replace(from, to))
}

fn charger(fields: &str) -> String {
    format!(r#"{{"chargers": [{{{fields}}}]}}"#)
}

#[allow(clippy::too_many_lines)] // a table
fn cases() -> Vec<(String, &'static str)> {
    let long = "x".repeat(1001);
    vec![
        // The file as a whole.
        (String::new(), "site file: EOF while parsing a value at line 1 column 0"),
        ("[]".into(), "site file: must be an object at line 1 column 0"),
        ("{} {}".into(), "site file: trailing characters at line 1 column 4"),
        (r#"{"chargers": []"#.into(), "site file: EOF while parsing an object at line 1 column 15"),
        (r#"{"accounts": []}"#.into(), "site file: accounts: This field is unknown."),
        (r#"{"a\nb": []}"#.into(), r"site file: a\nb: This field is unknown."),
        (r#"{"chargers": [], "chargers": []}"#.into(), "site file: chargers: This field was given more than once."),
        (r#"{"chargers": null}"#.into(), "chargers: must be a list at line 1 column 17"),
        (r#"{"chargers": {}}"#.into(), "chargers: must be a list at line 1 column 13"),
        (r#"{"chargers": [3]}"#.into(), "chargers[1]: must be an object at line 1 column 15"),
        (r#"{"settings": []}"#.into(), "settings: must be an object at line 1 column 13"),
        // Settings: all of them, by their own rules.
        (settings(r#""intmaxcurrentb": 32,"#, ""), "settings: intmaxcurrentb: This field is required."),
        (settings(r#""intcurrency": 86"#, r#""intcurrency": 1.5"#), "settings: intcurrency: A valid integer is required."),
        (
            settings(r#""intcurrency": 86"#, r#""intcurrency": 86, "intcurrency": 86"#),
            "settings: intcurrency: This field was given more than once.",
        ),
        (settings("ABC", "ABB"), "settings: vchpowersequence: Must be a permutation of ABC."),
        (settings("\"intcurrency\"", "\"currency\""), "settings: currency: This field is unknown."),
        // Charge points, models, states.
        (charger(r#""vchmodelid": """#), "chargers[1]: vchchargerid: This field is required."),
        (charger(r#""vchchargerid": "a""#), "chargers[1] (vchchargerid a): vchmodelid: This field is required."),
        (charger(r#""vchchargerid": "", "vchmodelid": """#), "chargers[1] (vchchargerid ): vchchargerid: This field may not be blank."),
        (charger(r#""vchchargerid": 5, "vchmodelid": """#), "chargers[1] (vchchargerid 5): vchchargerid: Not a valid string."),
        (
            charger(r#""vchchargerid": "a\nb", "vchmodelid": """#),
            r"chargers[1] (vchchargerid a\nb): vchchargerid: Control characters are not allowed.",
        ),
        (
            charger(r#""vchchargerid": "a", "vchmodelid": "", "vchmac": "\u0000""#),
            "chargers[1] (vchchargerid a): vchmac: Control characters are not allowed.",
        ),
        (
            charger(r#""vchchargerid": "a", "vchmodelid": "", "vchmac": "\ud800""#),
            "chargers[1] (vchchargerid a): vchmac: Not a valid string.",
        ),
        (
            charger(&format!(r#""vchchargerid": "a", "vchmodelid": "{long}""#)),
            "chargers[1] (vchchargerid a): vchmodelid: Ensure this field has no more than 1000 characters.",
        ),
        (
            charger(r#""vchchargerid": "a", "vchmodelid": "", "dblaccumlatedminute": -1"#),
            "chargers[1] (vchchargerid a): dblaccumlatedminute: Ensure this value is greater than or equal to 0.",
        ),
        (
            r#"{"chargers": [{"vchchargerid": "a", "vchmodelid": ""}, {"vchchargerid": "b", "vchmodelid": ""}, {"vchchargerid": "a", "vchmodelid": ""}]}"#.into(),
            "chargers[3] (vchchargerid a): This row was given more than once, first as row 1.",
        ),
        (
            r#"{"charger_models": [{"vchmodelid": ""}]}"#.into(),
            "charger_models[1] (vchmodelid ): vchmodelid: This field may not be blank.",
        ),
        (
            r#"{"charger_models": [{"vchmodelid": "m", "dblmaxcurrent": 1e999}]}"#.into(),
            "charger_models[1] (vchmodelid m): dblmaxcurrent: A valid number is required.",
        ),
        (
            r#"{"charger_states": [{"vchchargerid": "unknown"}]}"#.into(),
            "charger_states[1] (vchchargerid unknown): vchchargerid: There is no charger \"unknown\".",
        ),
        (
            r#"{"charger_states": [{"vchchargerid": "a", "intcurrent": 2147483648}]}"#.into(),
            "charger_states[1] (vchchargerid a): intcurrent: Ensure this value is less than or equal to 2147483647.",
        ),
        (
            r#"{"charger_states": [{"vchchargerid": "a", "dttlastconntime": "2016-11-25T14:11:55Z"}]}"#.into(),
            "charger_states[1] (vchchargerid a): dttlastconntime: Time has wrong format. Use YYYY-MM-DDThh:mm:ss, local and without zone.",
        ),
        // Sessions.
        (session(r#""vchchargerid": "a", "dblenergy": 1"#), "charging_records[2]: intrecordid: This field is required."),
        (
            session(r#""intrecordid": 0, "vchchargerid": "a", "dblenergy": 1"#),
            "charging_records[2] (intrecordid 0): intrecordid: Ensure this value is greater than or equal to 1.",
        ),
        (session(r#""intrecordid": 7, "dblenergy": 1"#), "charging_records[2] (intrecordid 7): vchchargerid: This field is required."),
        (session(r#""intrecordid": 7, "vchchargerid": "a""#), "charging_records[2] (intrecordid 7): dblenergy: This field is required."),
        (
            session(r#""intrecordid": 7, "vchchargerid": "a", "dblenergy": "1""#),
            "charging_records[2] (intrecordid 7): dblenergy: A valid number is required.",
        ),
        (
            session(r#""intrecordid": 7, "vchchargerid": "a", "dblenergy": -0.001"#),
            "charging_records[2] (intrecordid 7): dblenergy: Ensure this value is greater than or equal to 0.",
        ),
        (
            session(r#""intrecordid": 7, "vchchargerid": "a", "dblenergy": 1e10"#),
            "charging_records[2] (intrecordid 7): dblenergy: Ensure this value is less than or equal to 1000000000.",
        ),
        (
            session(r#""intrecordid": 7, "vchchargerid": "a", "dblenergy": {"a": 1, "a": 2}"#),
            "charging_records[2] (intrecordid 7): dblenergy: A valid number is required.",
        ),
        (
            session(r#""intrecordid": 7, "vchchargerid": "a", "dblenergy": 1, "dblenergy": 1"#),
            "charging_records[2] (intrecordid 7): dblenergy: This field was given more than once.",
        ),
        (
            session(r#""intrecordid": 7, "vchchargerid": "a", "dblenergy": 1, "kwh": 1"#),
            "charging_records[2] (intrecordid 7): kwh: This field is unknown.",
        ),
        (
            session(r#""intrecordid": 7, "vchchargerid": "a", "dblenergy": 1, "dttstarttime": "2015-02-29T00:00:00""#),
            "charging_records[2] (intrecordid 7): dttstarttime: Time has wrong format. Use YYYY-MM-DDThh:mm:ss, local and without zone.",
        ),
        (
            session(r#""intrecordid": 6, "vchchargerid": "a", "dblenergy": 1"#),
            "charging_records[2] (intrecordid 6): This row was given more than once, first as row 1.",
        ),
        (
            session(r#""intrecordid": 7, "vchchargerid": "z", "dblenergy": 1"#),
            "charging_records[2] (intrecordid 7): vchchargerid: There is no charger \"z\".",
        ),
        (
            session(r#""intrecordid": 7, "vchchargerid": "a", "dblenergy": 01"#),
            "charging_records[2] (intrecordid 7): invalid number at line 2 column 120",
        ),
    ]
}

async fn take(store: &dyn Store, text: &str, mode: ImportMode) -> Result<(), String> {
    let file = SiteFile::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    store.import(&file, mode).await.map_err(|error| error.to_string())
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_changed() {
    for site in Site::each() {
        run(async {
            let store = site.open("Asia/Shanghai").await;
            take(&*store, GOOD, ImportMode::Replace).await.unwrap();
            let before = written(&store.export().await.unwrap());
            for (text, expected) in cases() {
                for mode in [ImportMode::Merge, ImportMode::Replace] {
                    let line = take(&*store, &text, mode).await.unwrap_err();
                    assert_eq!(line, expected, "{text}");
                }
            }
            assert_eq!(written(&store.export().await.unwrap()), before);
            store.close().await;
        });
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let error = SiteFile::parse(b"{\"chargers\": [\xff]}").unwrap_err();
    assert_eq!(error.to_string(), "site file: Not valid UTF-8. (byte 15)");
    assert_eq!(SiteFile::parse("\u{feff}{}".as_bytes()), Ok(SiteFile::default()));
}

#[test]
fn what_is_written_is_in_the_style_of_the_format() {
    let text = format!(
        r#"{{"charging_records": [{{"intrecordid": 7, "vchchargerid": "充", "dblenergy": 606.3120000000001,
        "dttrealfinish": "2016-11-25 14:11", "vchcardid": "A"}}], "charger_states": [], "settings": {SETTINGS}}}"#
    );
    let expected = r#"{
 "settings": {
  "vchcardreadercom": "Com10",
  "yeainstallyear": "2013",
  "intinstallmonth": 100,
  "blncurrentdistribution": 1,
  "vchpowermetercom": "Com4",
  "vchpowersequence": "ABC",
  "intcurrency": 86,
  "dblchargingdeductionpower": 3.0,
  "intchargingdeductionminute": 120,
  "intdeductionprioritypower": 2,
  "intdeductionpriorityminute": 1,
  "dblpowercoefficient": 0.001,
  "blninternaltesting": 1,
  "intmaxcurrenta": 32,
  "intmaxcurrentb": 32,
  "intmaxcurrentc": 32
 },
 "charger_states": [],
 "charging_records": [
  {
   "intrecordid": 7,
   "intchargingcode": null,
   "vchchargerid": "充",
   "dttstartqueue": null,
   "dttstarttime": null,
   "dttfinishtime": null,
   "dttrealfinish": "2016-11-25T14:11:00",
   "dblenergy": 606.312,
   "vchcardid": "A"
  }
 ]
}
"#;
    assert_eq!(written(&SiteFile::parse(text.as_bytes()).unwrap()), expected);
}
