// Studies over Redis.
import { noRedis, startRedis } from '../harness/redis.js'
import { runScenarios } from './scenarios.js'

runScenarios({ name: 'Redis', start: () => startRedis(), missing: noRedis })
