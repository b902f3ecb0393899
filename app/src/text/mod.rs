//! Every word that a person reads, in Chinese and English.
//!
//! A key is a method of [`Lang`]. The macro takes both texts or does not compile, so that no language can be forgotten.

#[cfg(feature = "ssr")]
pub mod audit;
mod both;
pub mod distribution;
pub mod format;
#[cfg(feature = "ssr")]
mod refused;
#[cfg(feature = "ssr")]
mod told;

pub use both::Both;

use bmw_domain::account::Role;
use bmw_domain::alert::AlertKind;
use bmw_domain::charger::password::PasswordOrigin;
use bmw_domain::command::Action;
use bmw_domain::field::FieldError;
use bmw_domain::phase::Phase;
use bmw_domain::settings::SettingField;
use serde::{Deserialize, Serialize};

/// The language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lang {
    /// 中文.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The code in `<html lang>` and in the cookie.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// Reads a code.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The language that a browser asks for (`Accept-Language`): the first of ours with the highest weight, else Chinese.
    pub fn accepted(header: &str) -> Self {
        let mut best = (Self::Zh, 0);
        for entry in header.split(',') {
            let (tag, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(1000, thousandths);
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            if let Some(lang) = Self::from_code(&primary).filter(|_| weight > best.1) {
                best = (lang, weight);
            }
        }
        best.0
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    const fn pick(self, zh: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// A weight such as `0.8` in thousandths; what is no weight counts nothing.
fn thousandths(text: &str) -> u32 {
    text.parse::<f32>().map_or(0, |weight| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 1000
        let weight = (weight.clamp(0.0, 1.0) * 1000.0) as u32;
        weight
    })
}

/// The sign for a language on the switch to it, in its own script.
pub const fn switch_label(to: Lang) -> &'static str {
    match to {
        Lang::Zh => "中文",
        Lang::En => "EN",
    }
}

macro_rules! texts {
    ($($key:ident: $zh:literal, $en:literal;)*) => {
        /// The catalogue. Each key says what it is by its English text.
        impl Lang {
            $(
                #[doc = $en]
                pub const fn $key(self) -> &'static str {
                    self.pick($zh, $en)
                }
            )*
        }
        #[cfg(test)]
        const CATALOGUE: &[(&str, fn(Lang) -> &'static str)] = &[$((stringify!($key), Lang::$key)),*];
    };
}

texts! {
    // Frame
    skip_to_content: "跳到正文", "Skip to content";
    navigation: "主导航", "Main";
    alerts: "告警", "Alerts";
    alerts_pressing: "条未确认", "not acknowledged";
    overview: "总览", "Overview";
    devices: "电桩", "Devices";
    details: "详情", "Details";
    records: "记录", "Records";
    settings: "设置", "Settings";
    live_connected: "已连接", "Connected";
    live_reconnecting: "正在重连", "Reconnecting";
    live_stale: "数据已过时", "Stale";
    live_static: "未实时更新", "Not live";
    offline_title: "与服务器失去联系", "The server cannot be reached";
    changed_while_away: "您离开期间有变化", "Changed while you were away";
    put_away: "知道了", "Put away";
    // Alerts
    alert: "告警", "Alert";
    alerts_open: "当前告警", "Open";
    alerts_past: "历史告警", "History";
    alerts_told: "通知", "Notifications";
    alerts_none: "没有告警", "No alert is open";
    alerts_none_help: "这里显示持续 2 分钟的故障、失去联系 4 分钟的电桩、异常中断的充电和过载。", "Faults that last 2 minutes, contact lost for 4, sessions that were cut off and overload are shown here.";
    alerts_no_past: "还没有结束的告警。", "No alert has ended yet.";
    alert_since: "自", "Since";
    alert_ended: "结束", "Ended";
    alert_seen: "已确认", "Acknowledged";
    alert_list: "查看全部", "Show them";
    acknowledge: "确认", "Acknowledge";
    acknowledge_all: "全部确认", "Acknowledge all";
    notify_me: "在此设备上通知我", "Notify me on this device";
    notices_help: "页面打开但未被查看时，有新告警会显示通知。", "While the site is open and you look elsewhere, new alerts are shown as notifications.";
    notices_unknown: "通知需要运行脚本。", "Notifications need scripts.";
    notices_insecure: "浏览器只在 HTTPS 或本机地址下提供通知。", "The browser offers notifications by HTTPS or on this machine alone.";
    notices_denied: "浏览器已禁止本站的通知，请在浏览器设置中允许。", "This browser was told to deny them: allow notifications of this site in its settings.";
    notices_missing: "此浏览器不提供网页通知。", "This browser offers no notifications of pages.";
    webhook_none: "没有设置 Webhook（--alert-webhook）。", "No webhook is set (--alert-webhook).";
    webhook_to: "Webhook", "Webhook";
    webhook_idle: "还没有发送", "nothing was sent yet";
    webhook_taken: "已送达", "delivered";
    webhook_failed: "发送失败", "not delivered";
    switch_language: "EN: switch to English", "切换到中文";
    theme_system: "主题：跟随系统。切换到浅色", "Theme: system. Switch to light";
    theme_light: "主题：浅色。切换到深色", "Theme: light. Switch to dark";
    theme_dark: "主题：深色。切换到跟随系统", "Theme: dark. Switch to system";
    loading: "正在加载…", "Loading…";
    // Between a name and what is said of it, and between two parts of a list.
    colon: "：", ": ";
    comma: "，", ", ";
    description: "电动汽车充电站点控制器：电桩、充电记录与用电，实时显示，可操作。",
        "The controller of a site that charges electric vehicles: its chargers, sessions and energy, live, and how to operate them.";

    // Accounts
    sign_in: "登录", "Sign in";
    sign_out: "退出登录", "Sign out";
    own_account: "我的账户", "My account";
    account_name: "用户名", "Name";
    account_name_help: "1–64 个字母、数字或 @.+-_，不区分大小写。", "1–64 letters, digits and @.+-_, in either case.";
    account_reserved: "此用户名为程序保留。", "This name is the program's own.";
    account_exists: "该用户名已存在。", "There is an account of this name.";
    account_own: "不能更改自己的角色或停用自己。", "You cannot change your own role or disable yourself.";
    password: "密码", "Password";
    password_help: "密码至少 10 个字符，且不易被猜中。", "A password has at least 10 characters and is not easily guessed.";
    password_change: "更改密码", "Change the password";
    password_old: "当前密码", "Current password";
    password_new: "新密码", "New password";
    password_reset: "重设密码", "Set a new password";
    password_short: "密码至少 10 个字符。", "The password must have at least 10 characters.";
    password_long: "密码最多 256 个字符。", "The password must have no more than 256 characters.";
    password_weak: "密码太容易猜中。几个不相关的词更好。",
        "The password is too easily guessed. Some words that have nothing to do with each other are better.";
    sign_in_wrong: "用户名或密码不正确。", "Name or password is wrong.";
    sign_in_wait: "尝试次数过多，请稍候再试。", "There were too many tries. Wait a little, then try again.";
    sign_in_busy: "当前登录的人太多，请稍后再试。", "Too many are signing in at this moment. Try again.";
    sign_in_first: "请先登录", "Sign in first";
    sign_in_for_logs: "登录后可查看命令记录、原始报文和诊断文件。",
        "Sign in to see the log of commands, raw messages and diagnostics.";
    sign_in_for_cards: "登录后可查看充电卡。", "Sign in to see the cards.";
    role_too_low: "您的角色无权执行此操作", "Your role does not allow this";
    not_allowed: "无权查看", "Not allowed";
    not_allowed_help: "您的角色无权查看或执行此操作。", "Your role does not allow this. An administrator can change that.";
    not_there: "没有这一项，可能已被删除。", "There is no such item; it may have been removed.";
    sign_in_again: "等待过久或尝试次数过多，请重新登录。", "That took too long, or there were too many tries. Sign in again.";
    begin_again: "重新登录", "Begin again";
    second_factor: "两步验证", "Second factor";
    factor_on: "已开启", "On";
    factor_off: "未开启", "Off";
    factor_help: "登录时除密码外，还要输入手机应用显示的验证码。密码即使被人猜到或看到，也无法登录。",
        "Besides your password, the sign-in asks for a code that an app on your phone shows. Whoever guesses or sees the password still does not get in.";
    factor_begin: "开启", "Turn it on";
    factor_end: "关闭", "Turn it off";
    factor_scan: "用验证器应用扫描此二维码。", "Scan this with your authenticator app.";
    factor_type: "无法扫描时，可在应用中输入密钥：", "Or type this key into it:";
    factor_open: "在本机的应用中打开", "Open it in an app on this device";
    factor_confirm: "然后输入密码和应用显示的验证码。其他设备会退出登录。",
        "Then enter your password and the code that the app shows. Your other devices are signed out.";
    factor_change_help: "要生成新的恢复代码或关闭两步验证，请输入密码和验证码（或恢复代码）。",
        "For new recovery codes, or to turn it off, enter your password and a code, or a recovery code.";
    factor_reset: "解除两步验证", "Remove the second factor";
    code_name: "验证码", "Code";
    code_help: "请输入应用显示的 6 位验证码，或一个恢复代码。", "Enter the six digits that your app shows, or a recovery code.";
    code_wrong: "验证码不正确，或已使用过。", "The code is wrong, or was used before.";
    code_needed: "此账户需要验证码。", "This account needs a code, too.";
    codes_renew: "生成新的恢复代码", "New recovery codes";
    codes_once: "请立即保存这些恢复代码，它们不会再次显示。手机不在身边时，每个可代替验证码使用一次。",
        "Keep these recovery codes now; they are not shown again. Where your phone is not at hand, each stands in for a code once.";
    cancel: "取消", "Cancel";
    users: "用户", "Users";
    audit_log: "操作日志", "Audit log";
    user_add: "添加用户", "Add a user";
    yourself: "您", "you";
    role_name: "角色", "Role";
    account_actions: "操作", "Actions";
    active: "启用", "Active";
    disabled: "已停用", "Disabled";
    disable: "停用", "Disable";
    enable: "启用", "Enable";
    since: "创建日期", "Since";
    sign_ins: "已登录的设备", "Devices that are signed in";
    sign_ins_help: "七天未使用或满三十天后会自动退出。退出设备不影响程序令牌，须在下面另行撤销。",
        "A sign-in ends after seven days without use, and after thirty in any case. Tokens of programs stay when a device is signed out: revoke them below.";
    device: "设备", "Device";
    this_device: "本机", "this one";
    last_seen: "最近使用", "Last seen";
    end_it: "退出", "Sign out";
    end_others: "退出其他所有设备", "Sign out all others";
    tokens: "程序令牌", "Tokens of programs";
    tokens_help: "程序用令牌代替密码，权限不超过您的角色。创建令牌须输入密码；更改密码会撤销所有令牌。",
        "A program uses a token instead of your password, and can never do more than you can. Making one takes your password; a new password revokes them all.";
    token_name: "用途", "What for";
    token_add: "创建令牌", "Make a token";
    token_once: "请现在复制此令牌，它不会再次显示。", "Copy this token now; it is not shown again.";
    tokens_too_many: "令牌过多，请先撤销不用的。", "There are too many tokens. Revoke some first.";
    holds_for: "有效期", "Valid for";
    expires: "到期", "Expires";
    expired: "已过期", "expired";
    revoke: "撤销", "Revoke";

    // Passwords of chargers
    charger_password: "电桩密码", "Password of the charger";
    charger_password_help: "设有密码的电桩须通过 HTTP Basic 提供密码才能连接，用户名为电桩ID。",
        "A charger that has a password must present it by HTTP Basic to connect. Its user name is the charger's ID.";
    charger_password_what: "项目", "What";
    charger_password_has: "已设置", "It has one";
    charger_password_none: "未设置", "It has none";
    charger_password_sent: "已发送的新密码", "A newer one was sent";
    charger_password_sent_help: "旧密码在电桩首次使用新密码之前仍然有效。", "The old one holds until the charger has used the new one.";
    security_profile: "OCPP 安全等级", "OCPP security profile";
    profile_nothing: "没有密码，没有加密", "no password, in the clear";
    profile_tls_alone: "没有密码，TLS 加密", "no password, over TLS";
    profile_password: "有密码，没有加密", "a password, in the clear";
    profile_both: "有密码，TLS 加密", "a password, over TLS";
    charger_password_random: "生成随机密码", "Make a random one";
    charger_password_random_help: "立即取代现有密码，只显示一次，然后请在电桩上输入。电桩会被断开，须用它重新连接。",
        "It replaces the current one at once and is shown only this once, to be entered at the charger. The charger is disconnected and must reconnect with it.";
    charger_password_set_help: "立即取代现有密码。电桩会被断开，须用它重新连接。",
        "It replaces the current one at once. The charger is disconnected and must reconnect with it.";
    charger_password_once: "请现在复制此密码，它不会再次显示。", "Copy this password now; it is not shown again.";
    charger_password_how: "请在电桩的配置界面中输入：", "Enter at the charger, in its own configuration:";
    charger_password_send: "向电桩发送新密码", "Send the charger a new one";
    charger_password_send_help: "生成随机密码并发送给电桩。电桩用它重新连接之前，旧密码仍然有效。没有 TLS 时，网络上的人可以读到它。",
        "A random one is sent to it. The old one holds until the charger has connected with the new one. Without TLS, whoever reads along on the network learns it.";
    charger_password_on_its_way: "新密码已发往电桩，结果见其命令记录。", "It is on its way; the charger's log of commands tells what became of it.";
    charger_password_set: "设置密码", "Set one";
    charger_password_form: "16–40 个可见 ASCII 字符，且不易被猜中。", "16–40 visible ASCII characters, and not easily guessed.";
    charger_password_remove: "移除密码", "Remove it";
    charger_password_remove_help: "此后任何人都可以此电桩的名义连接，除非站点要求密码。电桩会被断开并重新连接。",
        "From then on anybody can connect under the charger's name, unless the site demands a password. The charger is disconnected and reconnects.";
    charger_password_many: "已发送的新密码过多而电桩均未使用，请先移除密码。",
        "Too many passwords were sent to it that it has not used yet. Remove them first.";
    charger_password_pending: "该电桩有未完成的配置更改，请稍候再试。", "A change of its configuration is pending. Try again in a moment.";

    // Failures
    failed_title: "未能加载", "This could not be loaded";
    failed_store: "数据库没有响应。", "The database did not answer.";
    failed_inside: "内部出错，详情见服务器日志。", "Something went wrong inside; the server's log tells more.";
    failed_network: "服务器没有响应。", "The server did not answer.";
    failed_other: "服务器的回答无法理解。", "The server's answer could not be read.";
    failed_refused: "服务器拒绝了该操作。", "The server refused this.";
    failed_too_many: "请求过于频繁，请稍后重试。", "Too much was asked for in a short time. Try again in a moment.";
    too_many_title: "请求过于频繁", "Too much at once";
    too_many_read: "短时间内请求过多，页面稍后会自动重新加载。", "Too much was asked for in a short time. This page loads again by itself in a moment.";
    too_many_written: "短时间内请求过多，刚才的操作没有执行。请返回上一页，稍后再试。", "Too much was sent in a short time, and nothing was done. Go back, wait a moment and send it again.";
    failed_refused_help: "请登录，或请管理员授予权限。", "Sign in, or ask an administrator for the right to do it.";
    try_again: "重试", "Try again";
    not_found_title: "没有这个页面", "There is no such page";
    not_found_help: "地址可能已更改。请从总览继续。", "The address may have changed. Carry on from the overview.";
    to_overview: "返回总览", "Back to the overview";

    // Tiles
    tile_chargers: "电桩总数", "Chargers";
    tile_energy: "总充电电量", "Energy charged";
    tile_sessions: "总充电次数", "Sessions";
    tile_in_use: "正在使用", "In use";
    tile_chargers_note: "已上报状态", "with a reported state";
    tile_energy_note: "所有电桩累计", "by all chargers together";
    tile_in_use_note: "正在充电或占用", "charging or occupied";
    charging_time: "充电时长", "Charging time";

    // Energy chart
    energy_chart: "充电电量变化", "Energy over time";
    energy_total: "总电量变化", "Total";
    energy_by_charger: "电桩充电量变化", "By charger";
    breakdown: "显示", "Show";
    period: "周期", "By";
    year: "年", "Year";
    month: "月", "Month";
    day: "日", "Day";
    how_many: "数量", "How many";
    charger: "电桩", "Charger";
    all_chargers: "全部电桩", "All chargers";
    apply: "应用", "Apply";
    total: "合计", "Total";
    no_energy: "这段时间没有充电。", "Nothing was charged in this time.";

    chart_off: "所有系列都已关闭。点按图例可重新显示。", "All series are switched off. Press them in the legend to show them.";
    chart_behind: "表格与下载", "Table and downloads";
    lowest: "最低", "Lowest";
    highest: "最高", "Highest";
    legend: "图例：点按可关闭或显示", "Legend: press to switch off and on";
    back_to_others: "并回其他：", "Back to the others:";
    chart_period: "周期", "Period";

    // Phases
    phase_gauges: "相位仪表图", "Phase gauges";
    phase: "相位", "Phase";
    limit: "上限", "Limit";
    load: "负载", "Load";
    unknown_load: "未知", "Unknown";
    change_limits: "更改上限", "Change limits";
    headroom: "余量", "Headroom";
    peak_today: "今日峰值", "Peak today";
    phases_help: "亮色：最近 5 分钟的测量值；浅色：已分配与已保留；刻线：今日峰值", "Bright: measured in the last 5 minutes. Pale: allocated and reserved. Mark: today’s peak.";

    // Well or not
    all_well: "一切正常", "All is well";

    // Connectivity
    connectivity: "联网状态总览", "Connectivity";
    no_states: "还没有电桩报告过状态。", "No charger has reported a state yet.";
    share: "占比", "Share";
    number: "数量", "Count";

    // Chargers
    chargers: "电桩总览", "Chargers";
    charger_id: "电桩ID", "Charger ID";
    state: "状态", "State";
    last_command: "最近命令", "Last command";
    last_contact: "最近联系", "Last contact";
    never: "从未", "never";
    no_chargers: "还没有电桩。", "There are no chargers yet.";
    no_chargers_help: "让电桩连接到本站的 /ocpp/电桩ID，然后在“电桩”页接纳；或导入站点文件（bmw import）。",
        "Point a charger at this site's /ocpp/ID and admit it under Devices, or import a site file (bmw import).";
    show_all: "显示全部", "Show all";

    // Sessions
    all_sessions: "充电记录", "Sessions";
    recent_sessions: "充电记录总览", "Recent sessions";
    rows: "行数", "Rows";
    record_id: "记录ID", "Record ID";
    charge_code: "充电码", "Charge Code";
    finish_time: "结束时间", "Finished";
    start_time: "开始时间", "Started";
    planned_finish: "计划结束", "Planned finish";
    queued_time: "请求时间", "Asked for current";
    duration: "时长", "Duration";
    energy: "电量", "Energy";
    card: "卡号", "Card";
    no_sessions: "还没有充电记录。", "There are no sessions yet.";
    running: "进行中", "Running";
    finished: "已结束", "Finished";

    // Details
    choose_charger: "选择电桩", "Choose a charger";
    show: "显示", "Show";
    unknown_charger: "没有这个电桩", "There is no such charger";
    unknown_charger_help: "请从列表中选择一个。", "Choose one from the list.";
    properties: "电桩数据", "Charger";
    actions: "操作命令", "Operation commands";
    start: "开始充电", "Start";
    stop: "停止充电", "Stop";
    reset: "复位", "Reset";
    update: "更新", "Update";
    more: "拓展", "More";
    no_connection: "没有连接", "No connection";
    no_connection_help: "电桩未连接，命令无法送达。", "The charger is not connected: a command could not reach it.";
    frames: "原始报文", "Raw messages";
    frames_with: "包含", "Containing";
    no_frames: "没有原始报文。", "No raw message is kept.";
    frame_in: "收到", "in";
    frame_out: "发出", "out";
    download: "下载", "Download";
    cards: "卡", "Cards";
    no_cards: "还没有登记的卡。", "No card has been added yet.";
    unknown_cards_accepted: "未登记的卡可以充电（--unknown-cards accept）。", "Cards that are not listed here may charge (--unknown-cards accept).";
    unknown_cards_rejected: "未登记的卡不能充电（--unknown-cards reject）。", "Cards that are not listed here may not charge (--unknown-cards reject).";
    card_add: "登记或修改卡", "Add or change a card";
    card_add_help: "卡号相同（不分大小写）的卡会被替换。", "A card of the same number is replaced, upper or lower case alike.";
    card_group: "分组", "Group";
    card_expires: "失效日期", "Expires on";
    card_note: "备注", "Note";
    card_blocked: "已停用", "Blocked";
    card_expired: "已过期", "Expired";
    card_valid: "有效", "Valid";
    card_block: "停用", "Block";
    card_unblock: "恢复", "Unblock";
    card_remove: "删除", "Remove";
    ask_card_remove: "确定要删除这张卡吗？", "Remove this card?";
    export_csv: "导出 CSV", "Export CSV";
    import_csv: "导入 CSV", "Import CSV";
    import_csv_help: "粘贴 CSV 内容；有错则全部不导入", "Paste lines of CSV; all or nothing is brought in";
    joining: "请求加入的电桩", "Asked to join";
    joining_help: "这些电桩尝试连接，但还不属于本站点。", "These chargers tried to connect and do not belong to the site yet.";
    admit: "接纳", "Admit";
    events: "事件", "Events";
    no_events: "还没有事件。", "Nothing has happened yet.";
    event_lost: "失去联系", "Contact lost";
    event_boot: "已启动", "Started";
    event_wrong_password: "因密码错误被拒绝", "Refused, with a wrong password";
    event_no_password: "因没有密码被拒绝", "Refused, without a password";
    no_contact_ever: "从未联系", "Never in contact";
    findings: "需要留意", "To look at";
    findings_help: "电桩上报中不可信的内容：已保存，但未计入。", "What chargers reported that cannot be right: it is kept, but not counted as reported.";
    finding: "情况", "What";
    finding_detail: "数值", "Values";
    finding_orphan_stop: "未知记录的停止", "Stop of an unknown session";
    finding_orphan_values: "未知记录的测量值", "Values of an unknown session";
    finding_meter_jump: "电表读数跳变", "Meter jumped";
    finding_meter_back: "电表读数倒退", "Meter went backwards";
    finding_wrong_clock: "电桩时钟错误", "Wrong clock";
    finding_lost_stop: "缺少停止消息，结束时间为推定", "No stop was received; the end is assumed";
    finding_second_stop: "重复且不同的停止", "Stopped twice, differently";
    charges_already: "正在充电", "It is charging already";
    charges_not: "没有进行中的充电", "No session is running";
    ask_reset: "确定要复位吗？正在进行的充电会结束。", "Reset? A running session will end.";
    ask_stop_all: "确定要停止所选电桩的充电吗？", "Stop charging at all selected chargers?";
    ask_update: "确定要更新固件吗？更新期间电桩不可用。", "Update the firmware? The charger cannot be used meanwhile.";
    ask_availability: "确定要停用这个电桩吗？", "Take this charger out of service?";
    operation: "拓展命令", "More commands";
    unlock: "解锁充电枪", "Unlock connector";
    availability_off: "停用", "Out of service";
    availability_on: "启用", "Back in service";
    trigger_status: "查询状态", "Ask for status";
    trigger: "查询消息", "Ask for a message";
    ask_for_it: "查询", "Ask";
    message: "消息", "Message";
    group_everyday: "日常操作", "Everyday";
    group_limits: "充电上限", "Limits";
    group_access: "预约与名单", "Reservations and lists";
    group_maintenance: "维护", "Maintenance";
    group_configuration: "配置", "Configuration";
    charging: "充电", "Charging";
    connector: "枪号", "Connector";
    whole_charger: "整桩", "Whole charger";
    operators_card: "操作员卡", "operator's card";
    availability: "服务状态", "Availability";
    limit_set: "设置上限", "Set a limit";
    limit_help: "同一用途的新上限会替换旧的。", "It replaces the earlier one for the same purpose.";
    limit_for: "适用于", "Applies to";
    each_session: "每次充电", "Each session";
    running_session: "进行中的充电", "The running session";
    as_it_is: "不变", "as it is";
    unit: "单位", "Unit";
    phases: "相数", "Phases";
    for_minutes: "时长（分钟）", "Duration (minutes)";
    until_cleared: "长期", "until cleared";
    limits_clear: "清除上限", "Clear limits";
    all: "全部", "All";
    schedule: "合成计划", "Composite schedule";
    schedule_help: "电桩对所有上限的合成结果。", "What the charger makes of all limits together.";
    schedule_read: "读取计划", "Read the schedule";
    read_at: "读取于", "Read";
    reservation: "预约", "Reservation";
    reserve: "预约", "Reserve";
    reservation_cancel: "取消预约", "Cancel reservation";
    until: "直到", "Until";
    local_list: "本地名单", "Local list";
    send_local_list: "发送本地名单", "Send local list";
    local_list_help: "断网时电桩按此名单放行。", "The charger goes by it while it is not connected.";
    local_list_version: "查询名单版本", "Ask for list version";
    list_version: "查询版本", "Ask for its version";
    list_sent: "已发送版本", "Sent: version";
    list_told: "电桩上的版本", "On the charger: version";
    cache: "授权缓存", "Authorization cache";
    cache_help: "电桩自己记住的卡。", "Cards that the charger remembers by itself.";
    reset_soft: "软复位", "Soft reset";
    when_empty_now: "时间（留空：立即）", "When (empty: now)";
    firmware_name: "固件", "Firmware";
    diagnostics_name: "诊断", "Diagnostics";
    vendor_message: "厂商消息", "Vendor's message";
    vendor_message_help: "回复见命令记录。", "The reply is in the command log.";
    vendor_id: "厂商 ID", "Vendor ID";
    message_id: "消息 ID", "Message ID";
    data: "数据", "Data";
    send: "发送", "Send";
    configuration_help: "从电桩读取所有配置项，再逐项修改。", "Read all keys from the charger, then change them one by one.";
    other_key: "其他配置项", "Another key";
    read_only: "只读", "read-only";
    needs_reset: "复位后生效", "after a reset";
    clear_cache: "清除缓存", "Clear cache";
    get_configuration: "读取配置", "Read configuration";
    reset_hard: "硬复位", "Hard reset";
    configuration_key: "配置项", "Configuration key";
    configuration_value: "值", "Value";
    change_configuration: "修改配置", "Change configuration";
    firmware_address: "固件地址（URL）", "Firmware address (URL)";
    update_firmware: "更新固件", "Update firmware";
    diagnostics_address: "诊断上传地址（URL，留空则上传到本站）", "Upload diagnostics to (URL; empty: to this site)";
    diagnostics: "获取诊断", "Get diagnostics";
    diagnostics_files: "诊断文件", "Diagnostics";
    no_diagnostics: "还没有诊断文件。发送“获取诊断”后，电桩会上传到这里。", "No file yet. After “Get diagnostics” the charger uploads one, which is then listed here.";
    file: "文件", "File";
    size: "大小", "Size";
    command_log: "命令记录", "Command log";
    command_column: "命令", "Command";
    reply: "回复", "Reply";
    no_commands: "还没有命令。", "No command was given yet.";
    command_queued: "排队中", "Queued";
    command_sent: "已发送", "Sent";
    command_accepted: "已接受", "Accepted";
    command_rejected: "已拒绝", "Rejected";
    command_failed: "失败", "Failed";
    command_timed_out: "超时", "No answer";
    command_offline: "未连接", "Not connected";
    command_effective: "已生效", "Effect seen";
    command_no_effect: "未生效", "No effect seen";
    commands_refused: "未执行", "Not done";
    choose_first: "请先选择电桩。", "Choose chargers first.";
    curve: "电流与电量", "Current and energy";
    span: "时间范围", "Time span";
    span_15m: "15 分钟", "15 min";
    span_1h: "1 小时", "1 h";
    span_4h: "4 小时", "4 h";
    span_1d: "1 天", "1 day";
    no_values: "这段时间没有测量值。", "Nothing was measured in this time.";
    no_values_help: "选择更长的时间范围。", "Choose a longer time span.";
    current: "电流", "Current";
    session_energy: "本次电量", "Session energy";
    power: "功率", "Power";
    time: "时间", "Time";
    session_query: "充电记录查询", "Session query";
    date: "日期", "Date";
    only_this_charger: "仅此电桩", "Only this charger";
    step_date: "1. 选择日期", "1. Choose a date";
    step_record: "2. 选择记录ID", "2. Choose a Record ID";
    choose: "选择…", "Choose…";
    query_start: "Start 查询", "Start";
    no_sessions_that_day: "这一天没有充电记录。", "There are no sessions on this day.";
    days_marked: "有圆点的日期有充电记录。", "Days with a dot have sessions.";
    previous_month: "上个月", "Previous month";
    next_month: "下个月", "Next month";
    session: "充电记录", "Session";
    close: "关闭", "Close";
    power_curve: "功率曲线", "Power curve";
    no_power: "这次充电没有测量功率。", "No power was measured in this session.";
    online: "在线", "Online";
    offline: "离线", "Offline";
    vendor: "厂商", "Vendor";
    model: "型号", "Model";
    serial: "序列号", "Serial number";
    firmware: "固件版本", "Firmware version";
    total_energy: "累计电量", "Energy in total";
    total_time: "累计时长", "Charging time in total";
    address: "IP 地址", "IP address";
    mac: "MAC 地址", "MAC address";
    socket: "插座", "Socket";
    current_offered: "提供电流", "Current offered";
    current_limit: "电流上限", "Current limit";
    charging_current: "充电电流", "Charging current";
    session_time: "本次时长", "Session time";
    charging_phases: "充电相数", "Phases charging";
    max_current: "最大电流", "Maximum current";
    min_current: "最小电流", "Minimum current";
    max_phases: "最大相数", "Phases of the model";

    // Simulator
    simulator: "模拟器", "Simulator";
    simulator_help: "这些电桩由软件模拟。这里的操作相当于有人在电桩旁操作。",
        "These chargers are software. What is done here is done to them as a person in the yard would do it.";
    plug_in: "插枪", "Plug in";
    pull_out: "拔枪", "Pull out";
    hold_card: "刷卡", "Hold card";
    break_it: "故障", "Fault";
    mend_it: "修复", "Mend";
    cut_network: "断网", "Cut network";
    no_current_here: "没有电流", "No current flows";
    last_done: "刚才的操作：", "Last done:";
    follow: "持续刷新", "Keep it up to date";
    follow_end: "停止刷新", "Stop that";
    no_simulated: "没有模拟的电桩。", "No charger is simulated.";

    // Devices
    live_currents: "实时电流", "Live current";
    by_line: "各相电流", "Current by phase";
    line_measured: "实测", "measured";
    line_offered: "提供", "offered";
    line_limit: "上限", "limit";
    device_list: "点位电桩列表", "Chargers of the site";
    search: "搜索", "Search";
    search_hint: "ID、型号、固件", "ID, model, firmware";
    all_states: "全部状态", "All states";
    sort: "排序", "Sort";
    sort_added: "添加顺序", "Order added";
    sort_id: "电桩ID", "Charger ID";
    sort_state: "状态", "State";
    sort_contact: "最近联系", "Last contact";
    select_all: "选择全部", "Select all";
    select: "选择", "Select";
    none_match: "没有符合条件的电桩。", "No charger matches.";
    clear_filters: "清除条件", "Clear the filters";
    no_current: "现在没有电桩在充电。", "No charger is charging now.";

    // Records
    from: "从", "From";
    to: "到", "To";
    filter: "筛选", "Filter";
    download_csv: "下载 CSV", "Download CSV";
    older: "更早", "Older";
    newest: "最新", "Newest";
    no_records: "这个条件下没有记录。", "No session matches.";
    no_records_help: "选择更长的时间或清除条件。", "Choose more days or clear the filters.";
    wrong_day: "日期应为 YYYY-MM-DD。", "A day is written YYYY-MM-DD.";

    // Settings
    group_site: "站点", "Site";
    group_meters: "电表与读卡器", "Metering and readers";
    group_current: "电流分配", "Current distribution";
    group_ladder: "优先级阶梯", "Priority ladder";
    save: "保存", "Save";
    saving: "正在保存…", "Saving…";
    saved: "已保存", "Saved";
    nothing_changed: "没有变化。", "Nothing changed.";
    discard: "放弃更改", "Discard";
    unsaved: "未保存", "Unsaved";
    leave_unsaved: "有未保存的更改。要离开此页吗？", "There are unsaved changes. Leave this page?";
    not_applied: "已存储，尚未应用", "stored, not applied yet";
    month_is_odd: "不在 1–12 之间；仍会保存。", "Not between 1 and 12; it is saved all the same.";
    on: "开", "On";
    off: "关", "Off";
    kwh_per_count: "kWh/计数", "kWh per count";
    minutes: "分钟", "min";

    // Distribution
    distribution: "负载均衡", "Distribution";
    distribution_saved: "已保存。", "It is saved.";
    distribution_day: "24 小时内的计划", "The plan over 24 hours";
    supply: "各相占用", "The phases";
    allocated: "已分配", "Allocated";
    reserved: "已保留", "Reserved";
    other_load: "其他负载", "Other load";
    headroom_kept: "安全余量", "Safety margin";
    what_if: "试算", "What if";
    queue: "队列", "The queue";
    queue_empty: "没有参与分配的电桩", "No charger has a share";
    priority: "优先级", "Priority";
    told_current: "已下达", "Told";
    planned_current: "计划", "Planned";
    tried_current: "试算结果", "What if";
    why: "原因", "Why";

    // At the chargers
    app_name: "BMW 充电站控制器", "BMW site controller";
    app_description: "电动汽车充电站：电桩、功率与充电记录", "Electric-vehicle charging: chargers, load and sessions";
    on_this_device: "本机", "On this device";
    install_title: "安装为应用", "Install as an app";
    install_why: "安装后，可从主屏幕直接打开，没有地址栏。", "It opens from the home screen then, without an address bar.";
    installed: "已安装：您正在应用窗口中查看。", "Installed: this is the app.";
    install_now: "安装", "Install";
    install_by_hand: "手动安装", "By hand";
    on_ios: "iPhone 与 iPad", "iPhone and iPad";
    install_on_ios: "在 Safari 中点“分享”，再选“添加到主屏幕”。", "In Safari tap Share, then Add to Home Screen.";
    on_android: "Android", "Android";
    install_on_android: "打开浏览器菜单，选“安装应用”或“添加到主屏幕”。", "Open the browser's menu, then Install app or Add to Home screen.";
    on_desktop: "电脑上的 Chrome 与 Edge", "Chrome and Edge on a desk";
    install_on_desktop: "点地址栏右侧的安装图标，或在菜单中选“安装此站点”。", "Press the install icon in the address bar, or choose Install in the menu.";
    on_firefox: "Firefox", "Firefox";
    install_on_firefox: "在 Android 上：菜单，再选“添加应用到主屏幕”。电脑上的 Firefox 不支持安装应用；离线查看仍然可用。", "On Android: the menu, then Add app to Home screen. On a desk it installs no apps; what was seen is shown offline all the same.";
    install_insecure: "在此地址无法安装：它既不是 HTTPS，也不是 localhost，浏览器只在这些地址允许安装。", "It cannot be installed from this address: it is neither HTTPS nor localhost, and browsers allow it there alone.";
    install_insecure_help: "请管理员用 TLS 提供本站：见 README 的 “By TLS” 一节（--tls-cert 与 --tls-key，或反向代理）。", "Whoever runs the site can serve it by TLS: see “By TLS” in the README (--tls-cert and --tls-key, or a reverse proxy).";
    kept_title: "断网时", "Without network";
    kept_what: "看过的页面会以最近一次的状态保留在本机最多 7 天，不含卡号、原始报文和命令记录；账户、卡片和日志页面不保留。退出登录时全部删除。", "Pages that were looked at are kept here as they were last, for 7 days at most, without card numbers, raw messages and logs of commands; pages about accounts, cards and the audit log are not. To sign out removes them all.";
    kept_insecure: "在此地址浏览器不允许保留。", "At this address the browser keeps nothing.";
    kept_pages: "已保留页面：", "Pages kept:";
    kept_forget: "删除保留的内容", "Remove what is kept";
    offline_not_kept: "无法连接到站点，此页面也没有保留在本机。恢复连接后会自动打开。", "The site cannot be reached, and this page was not kept on this device. It opens by itself once the site is back.";
    qr_codes: "二维码", "QR codes";
    qr_code: "二维码", "QR code";
    qr_help: "打印、裁剪并贴在电桩上：扫码即打开其详情页。打印比例选 100%。地址：", "Print them at 100 %, cut them out and stick them to the chargers: each opens its charger's details, at";
    qr_all: "全部电桩", "All chargers";
    qr_loopback: "这些二维码指向本机地址，在手机上打不开。请用手机可访问的地址打开此页，或设置 --public-url。", "These codes lead to this machine's own address, which no phone reaches. Open this page by an address that phones reach, or set --public-url.";
    qr_too_long: "地址过长，无法生成二维码。", "The address is too long for a code.";
    labels_size: "大小", "Size";
    labels_small: "小（45 毫米）", "Small (45 mm)";
    labels_medium: "中（60 毫米）", "Medium (60 mm)";
    labels_large: "大（90 毫米）", "Large (90 mm)";

    // Conditions
    unknown: "未知", "Unknown";
}

impl Lang {
    /// What a state means. States are the document's words; one that it does not know is shown as it came.
    pub fn state_name(self, state: &str) -> Option<&'static str> {
        let (zh, en) = match state.to_ascii_lowercase().as_str() {
            "bootup" => ("已启动", "Booted up"),
            "available" => ("可用", "Available"),
            "preparing" => ("准备中", "Preparing"),
            "charging" => ("充电中", "Charging"),
            "precharging" => ("预充电", "Precharging"),
            "statuschanged" => ("状态变更", "Status changed"),
            "stopcharging" => ("停止充电", "Stopped"),
            "remotecharging" => ("远程启动", "Remote start"),
            "remotestopcharging" => ("远程停止", "Remote stop"),
            "sendmessage" => ("发送消息", "Sending message"),
            "updating" => ("更新中", "Updating"),
            "unavailable" => ("不可用", "Unavailable"),
            "reboot" => ("重启中", "Rebooting"),
            "faulted" => ("故障", "Faulted"),
            "supsendedev" | "suspendedev" => ("车辆暂停", "Suspended by the car"),
            "suspendedevse" => ("电桩暂停", "Suspended by the charger"),
            "finishing" => ("即将结束", "Finishing"),
            "reserved" => ("已预约", "Reserved"),
            "other" => ("其他", "Other"),
            _ => return None,
        };
        Some(self.pick(zh, en))
    }

    /// What is said of something, behind its name: `Card: At most 20 characters.`
    pub fn labelled(self, name: &str, text: &str) -> String {
        [name, self.colon(), text].concat()
    }

    /// A remark behind something, in brackets.
    pub fn bracketed(self, text: &str) -> String {
        let [open, close] = match self {
            Self::Zh => ["（", "）"],
            Self::En => [" (", ")"],
        };
        [open, text, close].concat()
    }

    /// What is wrong with a field.
    pub fn field_error(self, error: &FieldError) -> String {
        let fixed = match error {
            FieldError::Required => self.pick("此项必填。", "This is required."),
            FieldError::Blank => self.pick("此项不能为空。", "This must not be empty."),
            FieldError::Repeated => self.pick("此项出现了多次。", "This was given more than once."),
            FieldError::NotText => self.pick("应为文本。", "This must be text."),
            FieldError::NotPrintable => self.pick("不能含有控制字符。", "Control characters are not allowed."),
            FieldError::NotWhole => self.pick("应为整数。", "This must be a whole number."),
            FieldError::NotDecimal => self.pick("应为数字。", "This must be a number."),
            FieldError::NotPositive => self.pick("必须大于 0。", "This must be greater than 0."),
            FieldError::NotFlag => self.pick("应为 0 或 1。", "This must be 0 or 1."),
            FieldError::NotPhaseSequence => {
                self.pick("应为 A、B、C 的一种排列。", "This must be an order of A, B and C, such as ABC.")
            }
            FieldError::NotDay => self.wrong_day(),
            FieldError::NotLocalTime => {
                self.pick("时间应为 YYYY-MM-DDThh:mm:ss。", "A time is written YYYY-MM-DDThh:mm:ss.")
            }
            FieldError::NotFuture => self.pick("应为将来的时间。", "This must lie in the future."),
            FieldError::NotUrl => {
                self.pick("应为完整地址，如 http://…", "This must be a whole address, such as http://…")
            }
            FieldError::NotAChoice => self.pick("不是可选的值。", "This is not one of the choices."),
            FieldError::NotUtf8 => self.pick("不是有效的 UTF-8。", "This is not valid UTF-8."),
            FieldError::UnderSafe(needed) => {
                let (zh, en) = (
                    "所有电桩的安全电流与安全余量之和为 {} A，超过该相上限。",
                    "The safe currents of all chargers and the safety margin need {} A: more than the phase's limit.",
                );
                return self.filled(zh, en, *needed);
            }
            FieldError::TooLong(most) => return self.filled("最多 {} 个字符。", "At most {} characters.", *most),
            FieldError::TooSmall(least) => return self.filled("不能小于 {}。", "At least {}.", *least),
            FieldError::TooLarge(most) => return self.filled("不能大于 {}。", "At most {}.", *most),
        };
        fixed.to_owned()
    }

    fn filled(self, zh: &'static str, en: &'static str, value: impl Into<i64>) -> String {
        self.pick(zh, en).replacen("{}", &value.into().to_string(), 1)
    }

    /// `3 wrong entries` above the settings form.
    pub fn wrong_entries(self, count: usize) -> String {
        match (self, count) {
            (Self::Zh, _) => format!("{count} 项需要更正"),
            (Self::En, 1) => "One entry needs correcting".to_owned(),
            (Self::En, _) => format!("{count} entries need correcting"),
        }
    }

    /// `3 unsaved changes` beside the save button.
    pub fn unsaved_changes(self, count: usize) -> String {
        match (self, count) {
            (Self::Zh, _) => format!("{count} 项未保存"),
            (Self::En, 1) => "1 unsaved change".to_owned(),
            (Self::En, _) => format!("{count} unsaved changes"),
        }
    }

    /// `1 charger faulted`.
    pub fn faulted_chargers(self, count: u64) -> String {
        match self {
            Self::Zh => [&format::grouped(count), " 个电桩故障"].concat(),
            Self::En => format::counted(count, "charger faulted", "chargers faulted"),
        }
    }

    /// `2 chargers out of contact`.
    pub fn lost_chargers(self, count: u64) -> String {
        match self {
            Self::Zh => [&format::grouped(count), " 个电桩失去联系"].concat(),
            Self::En => format::counted(count, "charger out of contact", "chargers out of contact"),
        }
    }

    /// `Phase A at 96 % of its limit`.
    pub fn phase_near(self, phase: Phase, percent: impl AsRef<str>) -> String {
        let mut letter = [0; 4];
        let letter = phase.letter().encode_utf8(&mut letter);
        let percent = percent.as_ref();
        match self {
            Self::Zh => [letter, " 相已达上限的 ", percent, " %"].concat(),
            Self::En => ["Phase ", letter, " at ", percent, " % of its limit"].concat(),
        }
    }

    /// What stands under the number of charge points.
    pub const fn unit_chargers(self, count: u64) -> &'static str {
        match (self, count) {
            (Self::Zh, _) => "个电桩",
            (Self::En, 1) => "charger",
            (Self::En, _) => "chargers",
        }
    }

    /// `34 sessions` below the list of them.
    pub fn sessions(self, count: u64) -> String {
        match self {
            Self::Zh => [&format::grouped(count), " 次"].concat(),
            Self::En => format::counted(count, "session", "sessions"),
        }
    }

    /// How old what is shown is, ms, as nothing is heard.
    pub fn offline_note(self, age: i64) -> String {
        match self {
            Self::Zh => ["显示的是 ", &self.ago(age), "的数据。恢复联系后会自动更新。"].concat(),
            Self::En => {
                ["What you see is from ", &self.ago(age), ". It updates by itself as soon as the server answers."]
                    .concat()
            }
        }
    }

    /// Heads what has happened while nobody looked, for so many ms.
    pub fn while_away(self, ms: i64) -> String {
        let length = self.lasting(ms);
        let length = length.as_deref().unwrap_or(self.pick("片刻", "a moment"));
        match self {
            Self::Zh => ["您离开的 ", length, "里"].concat(),
            Self::En => ["While you were away for ", length].concat(),
        }
    }

    /// What has happened meanwhile: `2 chargers changed, 1 session ended`.
    pub fn away_note(self, chargers: usize, sessions: u64) -> String {
        let changed = match (self, chargers as u64) {
            (_, 0) => String::new(),
            (Self::Zh, count) => [&format::grouped(count), " 个电桩有变化"].concat(),
            (Self::En, count) => format::counted(count, "charger changed", "chargers changed"),
        };
        let ended = match (self, sessions) {
            (_, 0) => String::new(),
            (Self::Zh, count) => [&format::grouped(count), " 次充电已结束"].concat(),
            (Self::En, count) => format::counted(count, "session ended", "sessions ended"),
        };
        let between = if changed.is_empty() || ended.is_empty() { "" } else { self.comma() };
        [&changed, between, &ended].concat()
    }

    /// `3 selected` above the device list.
    pub fn selected(self, count: usize) -> String {
        match self {
            Self::Zh => format!("已选 {count} 个"),
            Self::En => format!("{count} selected"),
        }
    }

    /// `10 chargers out of contact`: alerts of one kind.
    pub fn alert_count(self, kind: AlertKind, count: u32) -> String {
        let (zh, one, many) = match kind {
            AlertKind::Fault => (" 个电桩故障", " charger faulted", " chargers faulted"),
            AlertKind::Offline => (" 个电桩失去联系", " charger out of contact", " chargers out of contact"),
            AlertKind::Stopped => (" 次充电异常中断", " session cut off", " sessions cut off"),
            AlertKind::Overload => (" 个相位达到上限", " phase at its limit", " phases at their limits"),
        };
        [&count.to_string(), self.pick(zh, if count == 1 { one } else { many })].concat()
    }

    /// A kind of alert.
    pub const fn alert_kind(self, kind: AlertKind) -> &'static str {
        match kind {
            AlertKind::Fault => self.pick("电桩故障", "Charger faulted"),
            AlertKind::Offline => self.pick("失去联系", "Out of contact"),
            AlertKind::Stopped => self.pick("充电异常中断", "Session cut off"),
            AlertKind::Overload => self.pick("相位达到上限", "Phase at its limit"),
        }
    }

    /// How often an alert has begun.
    pub fn alert_times(self, times: i32) -> String {
        ["×", &times.to_string()].concat()
    }

    /// How many alerts were acknowledged.
    pub fn alerts_seen(self, count: u32) -> String {
        let text =
            self.pick(" 条告警已确认。", if count == 1 { " alert acknowledged." } else { " alerts acknowledged." });
        [&count.to_string(), text].concat()
    }

    /// How many cards were changed.
    pub fn cards_saved(self, count: u32) -> String {
        match (self, count) {
            (Self::Zh, count) => format!("已更新 {count} 张卡。"),
            (Self::En, 1) => "One card was changed.".to_owned(),
            (Self::En, count) => format!("{count} cards were changed."),
        }
    }

    /// The series of all that have none of their own.
    pub fn other_chargers(self, count: usize) -> String {
        match (self, count) {
            (Self::Zh, count) => format!("其他 {count} 个"),
            (Self::En, 1) => "1 other".to_owned(),
            (Self::En, count) => format!("{count} others"),
        }
    }

    /// What leads to a series for one of them.
    pub fn show_one_of(self, count: usize) -> String {
        match (self, count) {
            (Self::Zh, count) => format!("从其他 {count} 个中选取单独显示"),
            (Self::En, 1) => "Show the other one by itself".to_owned(),
            (Self::En, count) => format!("Show one of the {count} others by itself"),
        }
    }

    /// Those that are not shown among the live currents.
    pub fn without_current(self, count: usize) -> String {
        match (self, count) {
            (Self::Zh, count) => format!("另有 {count} 个电桩没有电流。"),
            (Self::En, 1) => "No current flows at 1 other charger.".to_owned(),
            (Self::En, count) => format!("No current flows at {count} other chargers."),
        }
    }

    /// `Session 12 began` among the events.
    pub fn session_begun(self, id: i32) -> String {
        match self {
            Self::Zh => format!("充电记录 {id} 开始"),
            Self::En => format!("Session {id} began"),
        }
    }

    /// `Session 12 ended` among the events.
    pub fn session_ended(self, id: i32) -> String {
        match self {
            Self::Zh => format!("充电记录 {id} 结束"),
            Self::En => format!("Session {id} ended"),
        }
    }

    /// The button that stops one of several sessions.
    pub fn stop_session(self, id: i32, connector: i32) -> String {
        match self {
            Self::Zh => format!("停止充电 {id}（{connector} 号枪）"),
            Self::En => format!("Stop session {id} (connector {connector})"),
        }
    }

    /// The button that sends the site's cards.
    pub fn send_cards(self, count: usize) -> String {
        match (self, count) {
            (Self::Zh, 0) => "发送空名单".to_owned(),
            (Self::En, 0) => "Send an empty list".to_owned(),
            (Self::Zh, count) => format!("发送 {count} 张卡"),
            (Self::En, 1) => "Send the one card".to_owned(),
            (Self::En, count) => format!("Send {count} cards"),
        }
    }

    /// What came of giving commands.
    pub fn commands_given(self, count: u32) -> String {
        match (self, count) {
            (Self::Zh, count) => format!("已发出 {count} 条命令，下方可看到进展。"),
            (Self::En, 1) => "The command is on its way; below is how far it is.".to_owned(),
            (Self::En, count) => format!("{count} commands are on their way; below is how far they are."),
        }
    }

    /// The name of a command.
    pub const fn action(self, action: Action) -> &'static str {
        match action {
            Action::CancelReservation => self.reservation_cancel(),
            Action::ChangeAvailability => self.pick("更改服务状态", "Change availability"),
            Action::ChangeConfiguration => self.change_configuration(),
            Action::ClearCache => self.clear_cache(),
            Action::ClearChargingProfile => self.limits_clear(),
            Action::DataTransfer => self.vendor_message(),
            Action::GetCompositeSchedule => self.schedule_read(),
            Action::GetConfiguration => self.get_configuration(),
            Action::GetDiagnostics => self.diagnostics(),
            Action::GetLocalListVersion => self.local_list_version(),
            Action::RemoteStartTransaction => self.pick("远程启动充电", "Start charging"),
            Action::RemoteStopTransaction => self.pick("远程停止充电", "Stop charging"),
            Action::ReserveNow => self.reserve(),
            Action::Reset => self.reset(),
            Action::SendLocalList => self.send_local_list(),
            Action::SetChargingProfile => self.limit_set(),
            Action::TriggerMessage => self.trigger(),
            Action::UnlockConnector => self.unlock(),
            Action::UpdateFirmware => self.update_firmware(),
        }
    }

    /// Why a command is not given while another one of its kind is on its way.
    pub fn action_is_pending(self, action: Action) -> String {
        let name = self.action(action);
        match self {
            Self::Zh => format!("“{name}”尚未完成。"),
            Self::En => format!("“{name}” is pending."),
        }
    }

    /// The name of a role.
    pub const fn role(self, role: Role) -> &'static str {
        match role {
            Role::Viewer => self.pick("查看者", "Viewer"),
            Role::Operator => self.pick("操作员", "Operator"),
            Role::Administrator => self.pick("管理员", "Administrator"),
        }
    }

    /// What a role may do.
    pub const fn role_help(self, role: Role) -> &'static str {
        match role {
            Role::Viewer => self.pick("可查看全部内容并下载", "Sees everything, and downloads"),
            Role::Operator => self.pick("另可发送命令、管理充电卡", "Gives commands and keeps the cards, too"),
            Role::Administrator => self.pick("另可更改设置、用户和电桩", "Keeps settings, users and chargers, too"),
        }
    }

    /// How many recovery codes are left.
    pub fn codes_left(self, count: i64) -> String {
        match (self, count) {
            (Self::Zh, count) => format!("剩余恢复代码：{count} 个。"),
            (Self::En, 0) => "No recovery code is left.".to_owned(),
            (Self::En, 1) => "One recovery code is left.".to_owned(),
            (Self::En, count) => format!("{count} recovery codes are left."),
        }
    }

    /// That what was chosen in a field is none of its choices.
    pub fn no_choice(self, field: &str) -> String {
        match self {
            Self::Zh => format!("{field}：请从所给选项中选择。"),
            Self::En => format!("{field}: choose one of those that are offered."),
        }
    }

    /// How long a token holds.
    pub fn days_or_ever(self, days: i64) -> String {
        match (self, days) {
            (Self::Zh, 0) => "不过期".to_owned(),
            (Self::En, 0) => "without end".to_owned(),
            (Self::Zh, days) => format!("{days} 天"),
            (Self::En, days) => format!("{days} days"),
        }
    }

    /// Where a charger's password comes from.
    pub const fn password_origin(self, origin: PasswordOrigin) -> &'static str {
        match origin {
            PasswordOrigin::Typed => self.pick("由管理员设置", "set by an administrator"),
            PasswordOrigin::Random => self.pick("随机生成", "random"),
            PasswordOrigin::FirstUse => self.pick("电桩首次连接时使用的密码", "the one that it brought first"),
        }
    }

    /// `18 of 50` beside the search.
    pub fn shown_of(self, shown: usize, all: usize) -> String {
        match self {
            Self::Zh => format!("{shown} / {all} 个"),
            Self::En => format!("{shown} of {all}"),
        }
    }

    /// The label of a setting (reading guide, "Settings").
    pub const fn setting(self, field: SettingField) -> &'static str {
        let (zh, en) = match field {
            SettingField::CardReaderPort => ("读卡器串口号", "Card reader port"),
            SettingField::InstallationYear => ("安装年份", "Year of installation"),
            SettingField::InstallationMonth => ("安装月份", "Month of installation"),
            SettingField::CurrentDistribution => ("是否使用负载均衡", "Load balancing"),
            SettingField::MeterPort => ("电表串口号", "Power meter port"),
            SettingField::PhaseSequence => ("相位顺序", "Phase sequence"),
            SettingField::Currency => ("币种", "Currency"),
            SettingField::EnergyStep => ("阶梯减少电量", "Energy step"),
            SettingField::TimeStep => ("阶梯减少时间", "Time step"),
            SettingField::PriorityPerEnergyStep => ("阶梯电量分级", "Priority lost per energy step"),
            SettingField::PriorityPerTimeStep => ("阶梯时间分级", "Priority lost per time step"),
            SettingField::EnergyPerCount => ("能源系数", "Energy coefficient"),
            SettingField::InternalTesting => ("是否内部测试", "Internal testing"),
            SettingField::MaxCurrentA => ("A相位最大电流", "Maximum current, phase A"),
            SettingField::MaxCurrentB => ("B相位最大电流", "Maximum current, phase B"),
            SettingField::MaxCurrentC => ("C相位最大电流", "Maximum current, phase C"),
        };
        self.pick(zh, en)
    }

    /// What a setting means and what it accepts.
    pub const fn setting_help(self, field: SettingField) -> &'static str {
        let (zh, en) = match field {
            SettingField::CardReaderPort => (
                "RFID 读卡器的串口，例如 Com10 或 /dev/ttyUSB0",
                "Serial port of the RFID card reader, such as Com10 or /dev/ttyUSB0",
            ),
            SettingField::InstallationYear => ("四位数字，1901–2155", "4 digits, 1901–2155"),
            SettingField::InstallationMonth => ("通常为 1–12", "Usually 1–12"),
            SettingField::CurrentDistribution => {
                ("在电桩之间分配站点的电流", "Distribute the site's current over the chargers")
            }
            SettingField::MeterPort => {
                ("站点电表的串口，例如 Com4", "Serial port of the site's power meter, such as Com4")
            }
            SettingField::PhaseSequence => {
                ("电桩的 L1、L2、L3 所接的站点相位", "The site's phases that a charger's L1, L2, L3 are wired to")
            }
            SettingField::Currency => ("币种的数字代码，0–999", "Numeric code of the currency, 0–999"),
            SettingField::EnergyStep => {
                ("每充入这么多电量降低一次优先级", "After each such amount of energy, priority is lost")
            }
            SettingField::TimeStep => ("每充这么长时间降低一次优先级", "After each such time, priority is lost"),
            SettingField::PriorityPerEnergyStep => ("每个电量阶梯降低的优先级", "Priority lost at each energy step"),
            SettingField::PriorityPerTimeStep => ("每个时间阶梯降低的优先级", "Priority lost at each time step"),
            SettingField::EnergyPerCount => {
                ("电表每计数对应的电量，大于 0", "Energy per count of the power meter, over 0")
            }
            SettingField::InternalTesting => ("内部测试模式", "Internal test mode"),
            SettingField::MaxCurrentA | SettingField::MaxCurrentB | SettingField::MaxCurrentC => (
                "站点在该相位上的最大电流，0–10000；负载均衡分配的上限",
                "The most that the site may draw on this phase, 0–10000; what load balancing shares out",
            ),
        };
        self.pick(zh, en)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_empty_and_keys_are_unique() {
        let mut keys: Vec<_> = CATALOGUE.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
        for (key, text) in CATALOGUE {
            for lang in [Lang::Zh, Lang::En] {
                assert!(!text(lang).trim().is_empty(), "{key} in {lang:?}");
            }
        }
    }

    #[test]
    fn english_texts_have_no_chinese() {
        for (key, text) in CATALOGUE.iter().filter(|(key, _)| *key != "switch_language") {
            assert!(!text(Lang::En).chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{key}");
        }
    }

    #[test]
    fn chinese_texts_have_chinese_punctuation() {
        let is_chinese = |sign: char| ('\u{4e00}'..='\u{9fff}').contains(&sign);
        for (key, text) in CATALOGUE.iter().filter(|(key, _)| *key != "switch_language") {
            let signs: Vec<char> = text(Lang::Zh).chars().collect();
            let is_wrong =
                |pair: &[char]| is_chinese(pair[0]) && [',', '.', ':', ';', '!', '?', '('].contains(&pair[1]);
            assert!(!signs.windows(2).any(is_wrong), "{key}: {}", text(Lang::Zh));
        }
    }

    #[test]
    fn the_browser_chooses_the_first_language() {
        assert_eq!(Lang::accepted("en-GB,en;q=0.9,zh-CN;q=0.8"), Lang::En);
        assert_eq!(Lang::accepted("zh-TW,zh;q=0.9,en;q=0.8"), Lang::Zh);
        assert_eq!(Lang::accepted("en;q=0.3, zh;q=0.7"), Lang::Zh);
        assert_eq!(Lang::accepted("de-DE,de;q=0.9,en;q=0.5"), Lang::En);
        for header in ["", "de", ";;;,,,", "en;q=x", "\u{1f600}"] {
            assert_eq!(Lang::accepted(header), Lang::Zh, "{header}");
        }
    }

    #[test]
    fn every_documented_state_has_a_name() {
        for state in bmw_domain::status::STATE_NAMES {
            assert!(Lang::Zh.state_name(state).is_some(), "{state}");
        }
        assert_eq!(Lang::En.state_name("hahaha"), None);
    }

    #[test]
    fn errors_name_their_bounds() {
        assert_eq!(Lang::En.field_error(&FieldError::TooLarge(999)), "At most 999.");
        assert_eq!(Lang::Zh.field_error(&FieldError::TooSmall(1901)), "不能小于 1901。");
    }
}
