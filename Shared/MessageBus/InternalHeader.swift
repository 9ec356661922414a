import Contracts

/// Headers by which Winnow's services tell each other how a record is to be treated.
///
/// They count only on records that nobody else can have written. On a topic of the integrators they are ignored, so that no
/// header from outside changes what becomes of a record.
public enum InternalHeader {
    /// On a request that waited: somebody has cancelled it meanwhile.
    public static let cancelled = "winnow_cancelled"
    /// On a request that waited: where it stood when it came.
    public static let place = "winnow_place"

    static let all = Retry.headers.union([cancelled, place])
}

extension Record {
    /// Whether only Winnow can have written the record: it waited in the store, or its topic is one of Winnow's own.
    public var isInternal: Bool { offset < 0 || !Topic.isOpenToIntegrators(topic) }

    /// - Returns: the value of an internal header; `nil` on a record that somebody else may have written.
    public func internalHeader(_ name: String) -> String? { isInternal ? headers[name] : nil }
}
