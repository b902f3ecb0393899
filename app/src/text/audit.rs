//! The words of the audit log. They are the server's alone: its page loads no script.

use super::Lang;
use crate::data::field_name;
use bmw_domain::account::Role;
use bmw_domain::charger::password::PasswordOrigin;
use bmw_domain::command::{Action, CommandState};
use bmw_domain::settings::SettingField;
use std::borrow::Cow;

/// What entries are about, by what their kinds begin with: the word, and its name in both languages.
const AREAS: [(&str, &str, &str); 11] = [
    ("distribution", "负载均衡", "Distribution"),
    ("settings", "设置", "Settings"),
    ("account", "用户", "Users"),
    ("sign_in", "登录", "Sign-ins"),
    ("token", "程序令牌", "Tokens of programs"),
    ("card", "卡", "Cards"),
    ("charger", "电桩", "Chargers"),
    ("command", "命令", "Commands"),
    ("alert", "告警", "Alerts"),
    ("export", "下载", "Downloads"),
    ("site", "站点", "Site"),
];

/// The kinds of entries but commands, with their names in both languages.
const KINDS: [(&str, &str, &str); 39] = [
    ("settings.save", "更改设置", "Settings changed"),
    ("account.add", "添加用户", "User added"),
    ("account.role", "更改角色", "Role changed"),
    ("account.password", "更改密码", "Password changed"),
    ("account.disable", "停用用户", "User disabled"),
    ("account.enable", "启用用户", "User enabled"),
    ("account.second_factor.on", "开启两步验证", "Second factor turned on"),
    ("account.second_factor.off", "关闭两步验证", "Second factor turned off"),
    ("account.recovery_codes", "生成新的恢复代码", "New recovery codes"),
    ("sign_in.begin", "登录", "Signed in"),
    ("sign_in.end", "退出登录", "Signed out"),
    ("sign_in.fail", "登录失败", "Sign-in failed"),
    ("sign_in.half", "密码正确，等待验证码", "Right password, code asked for"),
    ("sign_in.recovery_code", "使用恢复代码", "Recovery code used"),
    ("token.add", "创建令牌", "Token made"),
    ("token.remove", "撤销令牌", "Token revoked"),
    ("card.put", "登记或修改卡", "Card entered or changed"),
    ("card.remove", "删除卡", "Card removed"),
    ("charger.admit", "接纳电桩", "Charger admitted"),
    ("charger.register", "电桩自行加入", "Charger came in by itself"),
    ("charger.password.set", "设置电桩密码", "Charger's password set"),
    ("charger.password.send", "向电桩发送新密码", "New password sent to the charger"),
    ("charger.password.remove", "删除电桩密码", "Charger's password removed"),
    ("charger.password.first_use", "保留电桩首次使用的密码", "Charger's first password kept"),
    ("charger.password.used", "电桩启用新密码", "Charger came with its new password"),
    ("charger.password.refused", "电桩未接受新密码", "Charger did not take the new password"),
    ("command.outcome", "命令的结果", "Outcome of a command"),
    ("distribution.save", "保存负载均衡设置", "Distribution saved"),
    ("distribution.wiring", "保存电桩接线", "Wiring of a charger saved"),
    ("alert.acknowledge", "确认告警", "Alerts acknowledged"),
    ("export.records", "下载充电记录", "Sessions downloaded"),
    ("export.cards", "下载卡", "Cards downloaded"),
    ("export.frames", "下载原始报文", "Raw messages downloaded"),
    ("export.diagnostics", "下载诊断文件", "Diagnostics downloaded"),
    ("export.audit", "下载操作日志", "Audit log downloaded"),
    ("site.import", "导入站点文件", "Site file imported"),
    ("site.export", "导出站点文件", "Site file exported"),
    ("site.demo", "填入演示数据", "Filled as a demo"),
    ("site.zone", "更改时区", "Time zone changed"),
];

/// What parts of entries are called, by their names in JSON.
const PARTS: [(&str, &str, &str); 38] = [
    ("name", "名称", "name"),
    ("names", "名称", "names"),
    ("role", "角色", "role"),
    ("disabled", "已停用", "disabled"),
    ("second_factor", "两步验证", "second factor"),
    ("is_blocked", "已停用", "blocked"),
    ("expires", "到期", "expires"),
    ("expires_at", "失效日期", "expires"),
    ("tag", "卡号", "card"),
    ("group", "分组", "group"),
    ("note", "备注", "note"),
    ("card", "卡号", "card"),
    ("passwords", "密码", "passwords"),
    ("origin", "来源", "from"),
    ("pending", "等待启用", "not used yet"),
    ("sign_ins", "登录编号", "sign-ins"),
    ("tokens", "令牌编号", "tokens"),
    ("failures", "次数", "failures"),
    ("times", "次数", "times"),
    ("since", "开始于", "since"),
    ("command", "命令", "command"),
    ("id", "编号", "number"),
    ("state", "状态", "state"),
    ("status", "回复", "reply"),
    ("error", "错误", "error"),
    ("from", "从", "from"),
    ("to", "到", "to"),
    ("file", "文件", "file"),
    ("containing", "包含", "containing"),
    ("kind", "操作", "what"),
    ("account", "谁", "who"),
    ("subject", "对象", "on what"),
    ("zone", "时区", "time zone"),
    ("mode", "方式", "mode"),
    ("models", "型号数", "models"),
    ("chargers", "电桩数", "chargers"),
    ("states", "状态数", "states"),
    ("sessions", "充电记录数", "sessions"),
];

/// Whether a kind of entry has a name.
pub fn is_known(kind: &str) -> bool {
    let is_command = kind.strip_prefix("command.").and_then(Action::from_name).is_some();
    is_command || KINDS.iter().any(|(word, ..)| *word == kind)
}

/// What entries are about, by the words that their kinds begin with.
pub fn areas() -> impl Iterator<Item = &'static str> {
    AREAS.into_iter().map(|(word, ..)| word)
}

/// The kinds of an area.
pub fn kinds_of(area: &str) -> Vec<String> {
    let own = KINDS.iter().map(|(word, ..)| *word).filter(|kind| kind.split('.').next() == Some(area));
    let mut kinds: Vec<String> = own.map(ToOwned::to_owned).collect();
    if area == "command" {
        kinds.extend(Action::ALL.into_iter().map(|(_, name)| format!("command.{name}")));
    }
    kinds
}

impl Lang {
    pub(super) fn of(self, table: &[(&str, &'static str, &'static str)], word: &str) -> Option<&'static str> {
        table.iter().find(|(known, ..)| *known == word).map(|(_, zh, en)| self.pick(zh, en))
    }

    /// What entries are about.
    pub fn audit_area(self, area: &str) -> &'static str {
        self.of(&AREAS, area).unwrap_or_default()
    }

    /// What was done. A kind that has no name is shown as it is.
    pub fn audit_kind(self, kind: &str) -> Cow<'_, str> {
        let command = kind.strip_prefix("command.").and_then(Action::from_name);
        match (self.of(&KINDS, kind), command) {
            (Some(name), _) => Cow::Borrowed(name),
            (None, Some(action)) => Cow::Borrowed(self.action(action)),
            (None, None) => Cow::Owned(kind.to_owned()),
        }
    }

    /// What a part of an entry is called, by where it stands; `Err` where that is a name of the protocol, which has no words.
    pub fn audit_part(self, path: &[String]) -> Result<String, String> {
        let setting = |name: &str| SettingField::ALL.into_iter().find(|field| field_name(*field) == name);
        if let [.., list, phase] = path
            && list == "max_current"
        {
            let letter = match phase.as_str() {
                "1" => "a",
                "2" => "b",
                _ => "c",
            };
            if let Some(field) = setting(&format!("max_current_{letter}")) {
                return Ok(self.setting(field).to_owned());
            }
        }
        let is_payload = path.first().is_some_and(|first| first == "arguments");
        let word = |part: &String| {
            let field = || setting(part).map(|field| self.setting(field));
            let known = if is_payload { self.known_field(part) } else { self.of(&PARTS, part).or_else(field) };
            known.map_or_else(|| part.clone(), ToOwned::to_owned)
        };
        let shown = path.iter().filter(|part| !["arguments", "settings"].contains(&part.as_str()));
        let name = shown.map(word).collect::<Vec<_>>().join(" · ");
        let has_words = !is_payload || path[1..].iter().all(|part| self.known_field(part).is_some());
        if has_words { Ok(name) } else { Err(name) }
    }

    /// A word that stands for something, in words: a role, or how far a command is.
    pub fn audit_word(self, part: &str, word: &str) -> Option<&'static str> {
        match part {
            "role" => Role::from_word(word).map(|role| self.role(role)),
            "state" if word == "finished" => Some(self.finished()),
            "state" if word == "running" => Some(self.running()),
            "state" => CommandState::from_word(word).map(|state| self.command_word(state)),
            "kind" => self.of(&AREAS, word).or_else(|| self.of(&KINDS, word)),
            "command" => Action::from_name(word).map(|action| self.action(action)),
            "status" | "error" => self.reply_word(word),
            "origin" => PasswordOrigin::from_word(word).map(|origin| self.password_origin(origin)),
            "mode" => self.of(&[("merge", "合并", "merged"), ("replace", "替换", "in the place of all")], word),
            _ => None,
        }
    }

    /// How far a command is.
    const fn command_word(self, state: CommandState) -> &'static str {
        match state {
            CommandState::Queued => self.command_queued(),
            CommandState::Sent => self.command_sent(),
            CommandState::Accepted => self.command_accepted(),
            CommandState::Rejected => self.command_rejected(),
            CommandState::Failed => self.command_failed(),
            CommandState::TimedOut => self.command_timed_out(),
            CommandState::Offline => self.command_offline(),
            CommandState::Effective => self.command_effective(),
            CommandState::NoEffect => self.command_no_effect(),
        }
    }

    /// The heading of when.
    pub const fn audit_when(self) -> &'static str {
        self.pick("时间", "When")
    }

    /// The heading of who.
    pub const fn audit_who(self) -> &'static str {
        self.pick("谁", "Who")
    }

    /// The heading of what.
    pub const fn audit_what(self) -> &'static str {
        self.pick("操作", "What")
    }

    /// The heading of on what.
    pub const fn audit_subject(self) -> &'static str {
        self.pick("对象", "On what")
    }

    /// What can be asked for there.
    pub const fn audit_subject_hint(self) -> &'static str {
        self.pick("电桩、卡号…", "charger, card…")
    }

    /// The heading of from where.
    pub const fn audit_from(self) -> &'static str {
        self.pick("来源", "From where")
    }

    /// The heading of what has changed.
    pub const fn audit_change(self) -> &'static str {
        self.pick("变化", "Change")
    }

    /// Everybody.
    pub const fn audit_all_accounts(self) -> &'static str {
        self.pick("所有人", "Everybody")
    }

    /// Every kind.
    pub const fn audit_all_kinds(self) -> &'static str {
        self.pick("全部操作", "Everything")
    }

    /// All of an area.
    pub fn audit_all_of(self, area: &str) -> String {
        let name = self.audit_area(area);
        match self {
            Self::Zh => format!("全部{name}"),
            Self::En => format!("{name}: all"),
        }
    }

    /// The command line.
    pub const fn audit_terminal(self) -> &'static str {
        self.pick("命令行", "Command line")
    }

    /// The site itself.
    pub const fn audit_site(self) -> &'static str {
        self.pick("本站", "The site")
    }

    /// A charge point.
    pub const fn audit_charger(self) -> &'static str {
        self.pick("电桩", "The charger")
    }

    /// Somebody who has not signed in.
    pub const fn audit_nobody(self) -> &'static str {
        self.pick("未登录", "Not signed in")
    }

    /// The site itself, a charge point, or somebody who has not signed in.
    pub const fn audit_site_or_nobody(self) -> &'static str {
        self.pick("本站、电桩或未登录", "The site, a charger, or not signed in")
    }

    /// What the log is.
    pub const fn audit_help(self) -> &'static str {
        self.pick(
            "谁在何时从何处做了什么。记录只增不改，也不能删除；密码和令牌不会出现在这里。",
            "Who did what, from where and when. Entries are added and never changed or removed; passwords and tokens are in none.",
        )
    }

    /// Nothing was done yet.
    pub const fn audit_empty(self) -> &'static str {
        self.pick("还没有操作记录。", "Nothing was done yet.")
    }

    /// No entry matches.
    pub const fn audit_none(self) -> &'static str {
        self.pick("这个条件下没有操作记录。", "No entry matches.")
    }

    /// `5 more` below the first changes of an entry.
    pub fn audit_more(self, count: usize) -> String {
        match self {
            Self::Zh => format!("另有 {count} 项"),
            Self::En => format!("{count} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_an_area_and_has_a_name() {
        for (kind, zh, en) in KINDS {
            let area = kind.split('.').next().unwrap_or_default();
            assert!(areas().any(|known| known == area) && is_known(kind), "{kind}");
            assert!(!zh.is_empty() && !en.is_empty() && kinds_of(area).iter().any(|known| known == kind), "{kind}");
        }
        for (_, name) in Action::ALL {
            let kind = format!("command.{name}");
            assert!(is_known(&kind) && kinds_of("command").contains(&kind));
            assert_ne!(Lang::Zh.audit_kind(&kind), Lang::En.audit_kind(&kind), "{name}");
        }
        assert!(!is_known("command.Dance"));
        assert_eq!(Lang::En.audit_kind("command.Dance"), "command.Dance");
    }

    #[test]
    fn parts_are_called_by_what_they_are() {
        let part = |path: &[&str]| Lang::En.audit_part(&path.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        let (words, name) = (|text: &str| Ok(text.to_owned()), |text: &str| Err(text.to_owned()));
        assert_eq!(part(&["max_current", "2"]), words("Maximum current, phase B"));
        assert_eq!(part(&["settings", "currency"]), words("Currency"));
        assert_eq!(part(&["arguments", "connectorId"]), words("Connector"));
        assert_eq!(part(&["arguments", "csChargingProfiles", "stackLevel"]), name("csChargingProfiles · stackLevel"));
        assert_eq!(part(&["Anna1", "note"]), words("Anna1 · note"));
    }
}
