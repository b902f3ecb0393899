//! What was not done, and why. These words are the server's alone: pages get them ready made, in both languages.

use super::Lang;
use crate::data::{CardField, Refused};
use bmw_site::Fault;

/// What fields of payloads are called where a form asks for them, by the protocol's names.
const FIELDS: [(&str, fn(Lang) -> &'static str); 22] = [
    ("connectorId", Lang::connector),
    ("idTag", Lang::card),
    ("expiryDate", Lang::until),
    ("limit", Lang::limit),
    ("numberPhases", Lang::phases),
    ("chargingRateUnit", Lang::unit),
    ("unit", Lang::unit),
    ("minutes", Lang::for_minutes),
    ("duration", Lang::duration),
    ("purpose", Lang::limit_for),
    ("chargingProfilePurpose", Lang::limit_for),
    ("transactionId", Lang::record_id),
    ("reservationId", Lang::reservation),
    ("requestedMessage", Lang::message),
    ("location", |lang| lang.pick("地址（URL）", "Address (URL)")),
    ("retrieveDate", Lang::time),
    ("type", |lang| lang.pick("类型", "Kind")),
    ("key", Lang::configuration_key),
    ("value", Lang::configuration_value),
    ("vendorId", Lang::vendor_id),
    ("messageId", Lang::message_id),
    ("data", Lang::data),
];

impl Lang {
    /// Why something was not done, with whom or what it is about.
    pub(crate) fn refused(self, refused: &Refused) -> String {
        match refused {
            Refused::Role => self.role_too_low().to_owned(),
            Refused::Field { charger, field, fault } => {
                self.labelled(charger, &self.labelled(&self.payload_field(field), &self.fault(fault)))
            }
            Refused::Pending(charger, action) => self.labelled(charger, &self.action_is_pending(*action)),
            Refused::Exists(charger) => {
                self.labelled(charger, self.pick("该电桩已属于本站点。", "This charger belongs to the site already."))
            }
            Refused::Identity(charger, error) => self.labelled(charger, &self.field_error(error)),
            Refused::Card { line, field, error } => {
                let text = self.labelled(self.card_field(*field), &self.field_error(error));
                line.map_or(text.clone(), |line| self.labelled(&self.line(line), &text))
            }
            Refused::Line(line) => self.labelled(&self.line(*line), self.pick("无法读取。", "It cannot be read.")),
            Refused::NoCard => {
                self.pick("没有这张卡，可能已被删除。", "There is no such card; it may have been removed.").to_owned()
            }
            Refused::NoCards => self.pick("CSV 中没有卡。", "There is no card in this CSV.").to_owned(),
            Refused::Distribution { field, error } => {
                self.labelled(self.distribution_field(field), &self.field_error(error))
            }
            Refused::NoAlert => {
                self.pick("没有指明要确认的告警。", "It is not said which alerts are acknowledged.").to_owned()
            }
        }
    }

    /// `3 more` below the first reasons.
    pub(crate) fn more_refused(self, count: u32) -> String {
        match self {
            Self::Zh => format!("另有 {count} 项。"),
            Self::En => format!("{count} more."),
        }
    }

    /// What is wrong with a field of a payload.
    pub(crate) fn fault(self, fault: &Fault) -> String {
        let fixed = match fault {
            Fault::Field(error) => return self.field_error(error),
            Fault::NoSuchField => self.pick("该命令没有此字段。", "The command has no such field."),
            Fault::WrongType => self.pick("类型不正确。", "This is of the wrong type."),
            Fault::NotTime => self.pick("应为 RFC 3339 时间。", "This must be a time as RFC 3339 has it."),
            Fault::Password => self.pick(
                "电桩密码须由管理员在“电桩密码”页发送。",
                "The charger's password is sent by an administrator, on the page for it.",
            ),
            Fault::Distributed => self.pick(
                "站点电流由负载均衡分配：请在“负载均衡”页设定上限。",
                "The site's current is distributed: set a limit on the page for that.",
            ),
            Fault::NotReached => self.pick(
                "电桩未连接，无法得知它访问本站的地址，请填写此项。",
                "Fill this in: while the charger is not connected, nobody knows where it reaches this site.",
            ),
            Fault::Protocol { .. } => self.pick("不符合 OCPP 1.6。", "OCPP 1.6 does not allow this."),
        };
        fixed.to_owned()
    }

    /// What a field of a payload is called, by the last part of its name; one that no form asks for by its own name.
    pub(crate) fn payload_field(self, field: &str) -> String {
        let last = field.rsplit('.').next().unwrap_or_default();
        self.known_field(last).map_or_else(|| field.to_owned(), ToOwned::to_owned)
    }

    /// What a field of payloads is called; `None` for one that no form asks for.
    pub(super) fn known_field(self, name: &str) -> Option<&'static str> {
        FIELDS.iter().find(|(known, _)| *known == name).map(|(_, name)| name(self))
    }

    const fn card_field(self, field: CardField) -> &'static str {
        match field {
            CardField::Tag => self.card(),
            CardField::Group => self.card_group(),
            CardField::Blocked => self.card_blocked(),
            CardField::Expires => self.card_expires(),
            CardField::Note => self.card_note(),
        }
    }

    fn line(self, number: usize) -> String {
        match self {
            Self::Zh => format!("第 {number} 行"),
            Self::En => format!("Line {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::command::Action;
    use bmw_domain::field::FieldError;

    /// A fault is a sentence of each language, and its Chinese has no English one in it.
    fn is_said(fault: &Fault) {
        let (zh, en) = (Lang::Zh.fault(fault), Lang::En.fault(fault));
        assert!(zh.ends_with('。') || zh.ends_with('…'), "{zh}");
        assert!(en.is_ascii() || en.contains('…'), "{en}");
        assert!(!zh.contains("maxItems") && !en.contains("maxItems"), "the words of others are not shown");
    }

    #[test]
    fn reasons_are_whole_sentences_in_both_languages() {
        let too_long = FieldError::TooLong(20);
        for (refused, zh, en) in [
            (
                Refused::field("A", "idTag", &Fault::Field(too_long.clone())),
                "A：卡号：最多 20 个字符。",
                "A: Card: At most 20 characters.",
            ),
            (Refused::Pending("A".to_owned(), Action::Reset), "A：“复位”尚未完成。", "A: “Reset” is pending."),
            (
                Refused::Card { line: Some(3), field: CardField::Expires, error: FieldError::NotDay },
                "第 3 行：失效日期：日期应为 YYYY-MM-DD。",
                "Line 3: Expires on: A day is written YYYY-MM-DD.",
            ),
            (
                Refused::Card { line: None, field: CardField::Tag, error: FieldError::Blank },
                "卡号：此项不能为空。",
                "Card: This must not be empty.",
            ),
            (Refused::Line(2), "第 2 行：无法读取。", "Line 2: It cannot be read."),
            (
                Refused::Exists("A".to_owned()),
                "A：该电桩已属于本站点。",
                "A: This charger belongs to the site already.",
            ),
        ] {
            assert_eq!((Lang::Zh.refused(&refused).as_str(), Lang::En.refused(&refused).as_str()), (zh, en));
        }
        for error in [
            FieldError::Required,
            FieldError::Blank,
            FieldError::Repeated,
            FieldError::NotText,
            FieldError::TooLong(2),
            FieldError::NotPrintable,
            FieldError::NotWhole,
            FieldError::NotDecimal,
            FieldError::TooSmall(0),
            FieldError::TooLarge(9),
            FieldError::NotPositive,
            FieldError::NotFlag,
            FieldError::NotPhaseSequence,
            FieldError::NotDay,
            FieldError::NotLocalTime,
            FieldError::NotFuture,
            FieldError::NotUrl,
            FieldError::NotAChoice,
            FieldError::NotUtf8,
            FieldError::UnderSafe(9),
        ] {
            is_said(&Fault::Field(error));
        }
        let protocol = Fault::Protocol { reason: "maxItems 1 exceeded".to_owned() };
        for fault in [
            Fault::NoSuchField,
            Fault::WrongType,
            Fault::NotTime,
            Fault::Password,
            Fault::Distributed,
            Fault::NotReached,
            protocol,
        ] {
            is_said(&fault);
        }
        assert_eq!(Lang::Zh.payload_field("csChargingProfiles.transactionId"), "记录ID");
        assert_eq!(Lang::En.payload_field("csChargingProfiles.stackLevel"), "csChargingProfiles.stackLevel");
    }
}
