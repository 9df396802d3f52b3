// Studies over PostgreSQL.
import { noPostgres, startPostgres } from '../harness/postgres.js'
import { runScenarios } from './scenarios.js'

runScenarios({ name: 'PostgreSQL', start: () => startPostgres(), missing: noPostgres })
