// A headless browser for tests of pages: one process, its own profile, nothing of it left behind. What a page asks of the network and
// what it complains about are kept, so that a test can demand that there is neither.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type BrowserContext, type Page } from 'playwright-core'

const executablePath = process.env['ONESTEP_CHROMIUM'] ?? '/usr/bin/chromium'

/** For tests of pages: false, or why they cannot run; the runner counts a skipped test as failed where everything is required. */
export const withoutChromium: false | string = existsSync(executablePath)
  ? false
  : `there is no ${executablePath}; install chromium, or set ONESTEP_CHROMIUM`

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A page and what it has done. */
export interface Watched {
  readonly page: Page
  /** Errors and warnings on its console, exceptions, refused policies. */
  readonly complaints: readonly string[]
  /** Addresses that it asked for. */
  readonly requests: readonly string[]
}

export interface View {
  readonly width?: number
  readonly dark?: boolean
}

export interface Browser {
  /** A new page; nothing is loaded yet. */
  open(view?: View): Promise<Watched>
  close(): Promise<void>
}

const heights = 900

/** Starts the browser. */
export const launchChromium = async (): Promise<Browser> => {
  const profile = mkdtempSync(join(tmpdir(), 'onestep-chromium-'))
  const remove = (): void => {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  let context: BrowserContext
  try {
    context = await chromium.launchPersistentContext(profile, { executablePath, args, acceptDownloads: true })
  } catch (error) {
    remove()
    throw error
  }
  return {
    open: async ({ width = 1280, dark = false } = {}) => {
      const page = await context.newPage()
      await page.setViewportSize({ width, height: heights })
      await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
      const complaints: string[] = []
      const requests: string[] = []
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('request', (request) => requests.push(request.url()))
      return { page, complaints, requests }
    },
    close: async () => {
      await context.close()
      remove()
    },
  }
}
