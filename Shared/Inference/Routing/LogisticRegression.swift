import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Fits a linear map to rows of two classes: the squared length of the weights, and the logarithmic loss of each row.
///
/// Both products of a step, with the rows and with their transpose, run in the kernels of the heads. The method is
/// Nesterov's, restarted whenever its momentum points uphill, so that it needs nothing but products.
struct LogisticRegression {
    /// Weight of the squared length, chosen on states of the committed router (decision 50).
    private static let penalty: Float = 2
    private static let steps = 600
    /// The kernels take sixteen numbers at a time.
    private static let lane = 16

    let mean: [Float]
    let deviation: [Float]
    private let count: Int
    private let width: Int
    /// The rows in standard deviations, and their transpose, whose rows are padded with zeros.
    private let rows: [Float]
    private let columns: [Float]
    private let padded: Int
    private let kernels: winnow_kernels

    /// - Parameters:
    ///   - rows: one row after another.
    ///   - width: the numbers of a row, a multiple of 16.
    init(_ rows: [Float], width: Int, _ kernels: winnow_kernels) {
        let count = rows.count / width
        let padded = (count + Self.lane - 1) / Self.lane * Self.lane
        var sums = [Double](repeating: 0, count: width), squares = sums
        for row in 0..<count {
            for column in 0..<width {
                let value = Double(rows[row * width + column])
                sums[column] += value
                squares[column] += value * value
            }
        }
        let mean = sums.map { $0 / Double(count) }
        let deviation = zip(squares, mean).map { Float(max($0 / Double(count) - $1 * $1, 1e-12).squareRoot()) }
        var standard = rows, columns = [Float](repeating: 0, count: width * padded)
        for row in 0..<count {
            for column in 0..<width {
                let value = (rows[row * width + column] - Float(mean[column])) / deviation[column]
                standard[row * width + column] = value
                columns[column * padded + row] = value
            }
        }
        self.mean = mean.map { Float($0) }
        self.deviation = deviation
        self.rows = standard
        self.columns = columns
        (self.count, self.width, self.padded, self.kernels) = (count, width, padded, kernels)
    }

    /// A map of rows in standard deviations.
    struct Line {
        var weights: [Float]
        var bias: Float
    }

    /// - Parameters:
    ///   - targets: 1 or 0 for each row.
    ///   - isUsed: the rows that it learns from.
    func fit(_ targets: [Float], _ isUsed: [Bool]) -> Line {
        let used = isUsed.map { $0 ? Float(1) : 0 }
        let step = 1 / (largest(used) / 4 + Self.penalty)
        var line = Line(weights: [Float](repeating: 0, count: width), bias: 0)
        var ahead = line, momentum: Float = 1
        for _ in 0..<Self.steps {
            let scores = scores(ahead)
            let errors = scores.indices.map { used[$0] * (1 / (1 + expf(-scores[$0])) - targets[$0]) }
            let slopes = transposed(errors)
            let bias = errors.reduce(0, +)
            var next = line, uphill: Float = bias * (ahead.bias - step * bias - line.bias)
            next.bias = ahead.bias - step * bias
            for index in 0..<width {
                let slope = slopes[index] + Self.penalty * ahead.weights[index]
                next.weights[index] = ahead.weights[index] - step * slope
                uphill += slope * (next.weights[index] - line.weights[index])
            }
            let following = uphill > 0 ? 1 : (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
            let pace = uphill > 0 ? 0 : (momentum - 1) / following
            ahead.bias = next.bias + pace * (next.bias - line.bias)
            for index in 0..<width {
                ahead.weights[index] = next.weights[index] + pace * (next.weights[index] - line.weights[index])
            }
            (line, momentum) = (next, following)
        }
        return line
    }

    /// The score of each row.
    func scores(_ line: Line) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { scores, size in
            kernels.linear(
                line.weights, rows, [Float](repeating: line.bias, count: count), 1, Int32(count), Int32(width),
                scores.baseAddress)
            size = count
        }
    }

    /// The same map for rows as they are.
    func unscaled(_ line: Line) -> Line {
        let weights = zip(line.weights, deviation).map { $0 / $1 }
        return Line(weights: weights, bias: line.bias - zip(weights, mean).reduce(0) { $0 + $1.0 * $1.1 })
    }

    private func transposed(_ errors: [Float]) -> [Float] {
        let errors = errors + [Float](repeating: 0, count: padded - count)
        return [Float](unsafeUninitializedCapacity: width) { sums, size in
            kernels.linear(
                errors, columns, [Float](repeating: 0, count: width), 1, Int32(width), Int32(padded), sums.baseAddress)
            size = width
        }
    }

    /// An upper estimate of the largest curvature in any direction, by powers.
    private func largest(_ used: [Float]) -> Float {
        var direction = Line(weights: [Float](repeating: 1, count: width), bias: 1)
        var length: Float = 1
        for _ in 0..<20 {
            let images = zip(scores(direction), used).map { $0 * $1 }
            direction = Line(weights: transposed(images), bias: images.reduce(0, +))
            length = (direction.weights.reduce(direction.bias * direction.bias) { $0 + $1 * $1 }).squareRoot()
            guard length > 0 else { return 1 }
            direction.bias /= length
            direction.weights = direction.weights.map { $0 / length }
        }
        return 1.1 * length
    }
}
