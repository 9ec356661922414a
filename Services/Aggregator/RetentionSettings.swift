import Settings
import Store

extension Retention {
    /// - Default: 30, 400, 3650, 90 and 400 days. Keys: `WINNOW_RETENTION_DAYS`, `WINNOW_RETENTION_HOURLY_DAYS`,
    ///   `WINNOW_RETENTION_DAILY_DAYS`, `WINNOW_RETENTION_DISPOSITION_DAYS`, `WINNOW_RETENTION_TENANT_DAYS`. Budgets of a
    ///   month need two months of daily sums, and the topic keeps dead letters for 30 days.
    init(_ reader: inout SettingsReader) throws(SettingsError) {
        self.init(
            requests: try reader.integer("WINNOW_RETENTION_DAYS", default: 30, in: 1...3650),
            hourly: try reader.integer("WINNOW_RETENTION_HOURLY_DAYS", default: 400, in: 7...3650),
            daily: try reader.integer("WINNOW_RETENTION_DAILY_DAYS", default: 3650, in: 62...36_500),
            dispositions: try reader.integer("WINNOW_RETENTION_DISPOSITION_DAYS", default: 90, in: 31...3650),
            tenants: try reader.integer("WINNOW_RETENTION_TENANT_DAYS", default: 400, in: 1...3650))
    }
}
