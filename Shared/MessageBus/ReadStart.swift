import Contracts

/// Where reading a topic begins.
public enum ReadStart: Sendable, Equatable {
    case beginning, end
    /// The first records at or after it.
    case time(Timestamp)
}
