import bcrypt from 'bcryptjs';
import { Router } from 'express';
import jwt from 'jsonwebtoken';
import User from './user.model.js';

const shown = ({ _id, fullName, username, email, gender, profilePic }) => ({ _id, fullName, username, email, gender, profilePic });

function setToken(res, userId) {
  const token = jwt.sign({ userId }, process.env.JWT_SECRET, { expiresIn: '15d' });
  res.cookie('jwt', token, {
    maxAge: 15 * 24 * 60 * 60 * 1000,
    httpOnly: true,
    sameSite: 'strict',
    secure: process.env.NODE_ENV === 'production',
  });
}

/** Middleware: whose request it is. */
export async function protect(req, res, next) {
  try {
    const { userId } = jwt.verify(req.cookies.jwt, process.env.JWT_SECRET);
    req.user = await User.findById(userId).select('-password');
  } catch {
    return res.status(401).json({ error: 'Unauthorized' });
  }
  if (!req.user) return res.status(401).json({ error: 'User not found' });
  next();
}

const router = Router();

router.post('/register', async (req, res) => {
  const { fullName, username, email, password, gender } = req.body;
  if (!fullName || !username || !email || !password) return res.status(400).json({ error: 'All fields are required' });
  if (await User.findOne({ username })) return res.status(409).json({ error: 'This username is taken' });
  const user = await User.create({
    fullName,
    username,
    email,
    gender,
    password: await bcrypt.hash(password, 8),
    profilePic: `${req.protocol}://${req.get('host')}/avatar/${encodeURIComponent(username)}.svg`,
  });
  setToken(res, user._id);
  res.status(201).json(shown(user));
});

router.post('/login', async (req, res) => {
  const user = await User.findOne({ username: req.body.username });
  if (!user || !(await bcrypt.compare(req.body.password ?? '', user.password))) {
    return res.status(400).json({ error: 'Invalid credentials' });
  }
  setToken(res, user._id);
  res.json(shown(user));
});

router.post('/logout', (req, res) => {
  res.clearCookie('jwt');
  res.json({ message: 'Logged out' });
});

router.get('/me', protect, (req, res) => res.json(shown(req.user)));

export default router;
